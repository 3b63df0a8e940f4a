// Reads what people write and give: scripts, configuration, secrets. Not more of it than that can be, and never in vain: a
// FIFO, or a disk that somebody named by mistake, is told instead of read.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { fail, ok, type Result } from '../../model/failure.ts';
import { systemError } from '../../util/errors.ts';

/** The most that a text of a project may be, bytes: a script may be a program. */
export const LARGEST_TEXT = 64 * 2 ** 20;

export interface ReadOptions {
  /** What it is called in failures: `vlb.yaml`. */
  readonly what: string;
  /** Bytes. */
  readonly atMost: number;
  /** Takes what is no file as well, and waits for it. */
  readonly orPipe?: boolean;
}

/** Reads a file whole. Fails as `usage` when it cannot be read, is no file, or is too large. */
export function readFile(file: string, { what, atMost, orPipe = false }: ReadOptions): Result<Buffer> {
  const where = { file };
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | (orPipe ? 0 : constants.O_NONBLOCK));
  } catch (error) {
    return unreadable(what, file, error);
  }
  try {
    if (!orPipe && !fstatSync(descriptor).isFile()) return fail('usage', `${what} is not a file`, { where });
    const pieces: Buffer[] = [];
    let size = 0;
    for (;;) {
      const piece = Buffer.allocUnsafe(64 * 1024);
      const count = readSync(descriptor, piece);
      if (count === 0) return ok(Buffer.concat(pieces));
      pieces.push(piece.subarray(0, count));
      size += count;
      if (size > atMost) return fail('usage', `${what} is larger than ${atMost / 1024} KiB`, { where });
    }
  } catch (error) {
    return unreadable(what, file, error);
  } finally {
    closeSync(descriptor);
  }
}

/** The failure about a file by what node's fs threw. */
export function unreadable(what: string, file: string, error: unknown): Result<never> {
  const { code } = systemError(error);
  const how = code === 'ENOENT' ? 'is in no such file' : `cannot be read (${code})`;
  return fail('usage', `${what} ${how}`, { where: { file } });
}
