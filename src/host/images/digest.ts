// The SHA-256 of a large file, whose holes are not read.

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import type { Range } from './sparse-file.ts';

/** One buffer for all that is read: a new one for each piece takes four times as long. */
const PIECE = 1 << 20;

/** How many bytes of a hole are hashed at most between two looks at signals: about 50 ms. */
const BREATH = 64 * PIECE;

/**
 * 64 hexadecimal digits. Throws node's fs errors, and the reason of the signal.
 * @param data the ranges that are not holes; undefined for a file without holes
 */
export async function digestFile(
  name: string,
  data: readonly Range[] | undefined,
  signal: AbortSignal,
): Promise<string> {
  await using file = await open(name, 'r');
  const { size } = await file.stat();
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(PIECE);
  const zeros = Buffer.alloc(PIECE);
  let at = 0;
  for (const { start, length } of [...(data ?? [{ start: 0, length: size }]), { start: size, length: 0 }]) {
    for (let hashed = 0; at < start; at += PIECE, hashed += PIECE) {
      hash.update(zeros.subarray(0, start - at));
      if (hashed % BREATH === 0) await setImmediate();
      signal.throwIfAborted();
    }
    at = start;
    for (const end = Math.min(start + length, size); at < end; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(PIECE, end - at), at);
      signal.throwIfAborted();
      if (bytesRead === 0) throw new Error(`${name} was truncated while it was read`);
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  }
  return hash.digest('hex');
}
