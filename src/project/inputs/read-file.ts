// Reads files that users provide (scripts, configuration, secrets) up to a maximum size, and rejects what is not a file: a
// FIFO would block, and a disk named by mistake would be read whole.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { fail, ok, type Result } from '../../model/failure.ts';
import { systemError } from '../../util/errors.ts';

/** The maximum size of a script or configuration file in bytes; a script may be a compiled program. */
export const LARGEST_TEXT = 64 * 2 ** 20;

export interface ReadOptions {
  /** The name for error messages: `vlb.yaml`. */
  readonly what: string;
  /** The maximum size in bytes. */
  readonly atMost: number;
  /** Also reads what is not a regular file, and waits for it. */
  readonly orPipe?: boolean;
}

/** Reads a whole file. Fails as `usage` when it cannot be read, is not a regular file, or is too large. */
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

/**
 * The failure for a file that Node's fs could not read, as `usage`.
 * @param what the subject of the message: `vlb.yaml`, `this input`
 */
export function unreadable(what: string, file: string, error: unknown): Result<never> {
  const { code } = systemError(error);
  const how = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
  return fail('usage', `${what} ${how}`, { where: { file } });
}
