// The events of a job, from any place in them to the end, while they are being written or afterwards. All is read from the
// file, by each watcher for itself: a slow one holds up neither the job nor the others.

import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { attempt } from '../../util/errors.ts';
import { withFile } from '../../util/fs.ts';
import type { JobFiles } from './files.ts';
import { hasEnded, type Job } from './job.ts';

const POLL_MILLISECONDS = 100;
const CHUNK = 64 * 1024;
/** Bytes per second that all watchers together read of a job that is running: more would slow it down. */
const PACE = 8 * 2 ** 20;

/** Whole lines of a job's events, and the number of bytes up to the end of each; nothing new; or the job, once it has ended. */
export type Followed =
  | { readonly lines: readonly { readonly text: string; readonly end: number }[] }
  | { readonly idle: true }
  | { readonly job: Job };

/**
 * Follows a job. What is taken from it is read only then. Ends with the job, or when the signal comes.
 * @param watchers how many follow jobs at present
 * @param after where to begin: bytes of the file, at the end of a line
 */
export async function* follow(
  id: string,
  files: JobFiles,
  after: number,
  watchers: () => number,
  signal: AbortSignal,
): AsyncGenerator<Followed> {
  let file: FileHandle | undefined;
  const buffer = Buffer.allocUnsafe(CHUNK);
  let position = after;
  let rest = Buffer.alloc(0);
  try {
    while (!signal.aborted) {
      // Asked first: what was written before the end is all there is.
      const job = files.find(id);
      if (!job) return;
      file ??= await open(files.eventsOf(id)).catch(() => undefined);
      const { bytesRead = 0 } = (await file?.read(buffer, 0, CHUNK, position + rest.length)) ?? {};
      if (bytesRead > 0) {
        const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
        const end = bytes.lastIndexOf('\n') + 1;
        if (end > 0) yield { lines: linesIn(bytes.subarray(0, end), position) };
        position += end;
        rest = Buffer.from(bytes.subarray(end));
        if (!hasEnded(job) && bytesRead === CHUNK) await pause((1000 * CHUNK * watchers()) / PACE, signal);
      } else if (hasEnded(job)) {
        yield { job };
        return;
      } else {
        yield { idle: true };
        await pause(POLL_MILLISECONDS, signal);
      }
    }
  } finally {
    await file?.close();
  }
}

/** Waits, at most until the signal comes: the caller sees that. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => {});
}

function linesIn(bytes: Buffer, from: number): readonly { readonly text: string; readonly end: number }[] {
  const lines: { text: string; end: number }[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf('\n', start) + 1;
    lines.push({ text: bytes.toString('utf8', start, end - 1), end: from + end });
    start = end;
  }
  return lines;
}

/**
 * The place behind which a watcher continues; undefined when the text is not one.
 * @param text as the watcher got it last; empty or undefined for the beginning
 * @param events the file with the events
 */
export function placeOf(text: string | undefined, events: string): number | undefined {
  if (text === undefined || text === '' || text === '0') return 0;
  if (!/^\d{1,15}$/.test(text)) return undefined;
  const place = Number(text);
  return attempt(() => withFile(events, (read) => read(place - 1, 1).toString())) === '\n'
    ? place
    : undefined;
}
