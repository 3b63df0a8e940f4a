// vlb log: what a layer's script printed.

import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Failure } from '../../model/failure.ts';
import { findLog } from '../../workspace/look.ts';
import type { Raw } from '../args/table/table.ts';
import { EXIT } from '../exit-status.ts';
import { workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';

const POLL_MILLISECONDS = 100;

/** Prints a layer's log. Returns the exit status, or the failure to report. */
export async function log(raw: Raw<'log'>, options: GlobalOptions): Promise<number | Failure> {
  const found = await findLog(workspaceOf(options), raw.layer, raw.follow === true);
  if (!found.ok) return found.failure;
  const { file, isRunning } = found.value;
  if (isRunning) await follow(file, isRunning);
  else if (raw.path) process.stdout.write(`${path.relative(process.cwd(), file)}\n`);
  else await pipeline(createReadStream(file), process.stdout, { end: false });
  return EXIT.ok;
}

/** Prints a file as it grows, until the process that writes it has ended. */
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
