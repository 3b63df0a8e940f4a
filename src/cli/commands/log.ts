// vlb log: what a layer's script printed.

import { closeSync, createReadStream, existsSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { EARLIER_LOGS, logFile, runningNow } from '../../execute/run/log.ts';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import { findLayer } from '../../plan/find-layer.ts';
import { EXIT } from '../exit-status.ts';
import type { GlobalOptions } from '../options.ts';
import { type WiredLogs, wireLogs } from '../wire.ts';

export interface LogOptions extends GlobalOptions {
  /** A layer's name; `NAME~1` for the run before the last one. */
  readonly layer: string;
  readonly follow: boolean;
  /** Print where the log is, not what is in it. */
  readonly path: boolean;
}

const POLL_MILLISECONDS = 100;

/** Prints a layer's log. Returns the exit status, or the failure to tell. */
export async function log(options: LogOptions): Promise<number | Failure> {
  const wired = await wireLogs(options);
  if (!wired.ok) return wired.failure;
  const [, name = '', before] = /^(.*?)(?:~(\d+))?$/s.exec(options.layer) ?? [];
  const found = findLayer(name, wired.value.layers);
  if (!found.ok) return found.failure;
  const layer = found.value;
  if (options.follow && before === undefined) {
    const { paths, isAlive } = wired.value;
    const run = runningNow(layer, paths, isAlive);
    if (run !== undefined) {
      await follow(logFile(layer, paths), () => runningNow(layer, paths, isAlive) === run);
      return EXIT.ok;
    }
  }
  const file = await findLog(layer, Number(before ?? 0), wired.value);
  if (!file.ok) return file.failure;
  if (options.path) process.stdout.write(`${path.relative(process.cwd(), file.value)}\n`);
  else await pipeline(createReadStream(file.value), process.stdout, { end: false });
  return EXIT.ok;
}

/** The log of a run here; where a layer never ran here, of the build that the store has. Those are not shared. */
async function findLog(
  layer: string,
  runsAgo: number,
  { paths, store, inPlace }: WiredLogs,
): Promise<Result<string>> {
  const file = logFile(layer, paths, runsAgo);
  if (existsSync(file)) return ok(file);
  if (runsAgo > 0) {
    const logs = Array.from({ length: EARLIER_LOGS + 1 }, (_, ago) => logFile(layer, paths, ago));
    const kept = logs.filter((one) => existsSync(one)).length;
    return fail(
      'usage',
      `there is no log of ${layer} from ${runsAgo} ${runsAgo === 1 ? 'run' : 'runs'} ago`,
      {
        hint: `${kept} of its logs ${kept === 1 ? 'is' : 'are'} kept, of at most ${EARLIER_LOGS + 1}`,
      },
    );
  }
  const record = await inPlace.last(layer);
  const stored = record && store.logOf(record.key);
  if (stored !== undefined && existsSync(stored)) return ok(stored);
  // The store has a log of everything that was built for it.
  if (record && (await store.lookup(record.key))) {
    return fail(
      'usage',
      `there is no log of ${layer} here: it ran on another machine, and came from the shared cache`,
      { hint: `to run it here: vlb build --force=${layer} ${layer}` },
    );
  }
  return fail('usage', `there is no log of ${layer}: it has not run`, {
    hint: `run it: vlb build ${layer}`,
  });
}

/** Prints a file as it grows, until whoever writes it has ended. */
async function follow(file: string, isRunning: () => boolean): Promise<void> {
  const descriptor = openSync(file, 'r');
  const buffer = Buffer.allocUnsafe(64 * 1024);
  try {
    for (;;) {
      // Asked first: what was written before the end is all there is.
      const running = isRunning();
      for (let count = readSync(descriptor, buffer); count > 0; count = readSync(descriptor, buffer)) {
        await written(Buffer.from(buffer.subarray(0, count)));
      }
      if (!running) return;
      await delay(POLL_MILLISECONDS);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** As fast as it is read, so that memory stays flat. */
function written(bytes: Buffer): Promise<void> {
  return new Promise((resolve) => process.stdout.write(bytes, () => resolve()));
}
