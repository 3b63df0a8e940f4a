// Reads large files in pieces into reused buffers: buffers left to the garbage collector pile up before it runs.
// Loaded with import() only: a build with nothing to do reads no artifact.

import { open } from 'node:fs/promises';
import type { Pieces } from '../../model/ports/store.ts';

/** The bytes of a file in pieces, reading one piece ahead. Throws node's fs errors. */
export async function* filePieces(file: string, { bytes, atOnce }: Pieces): AsyncGenerator<Buffer> {
  const handle = await open(file, 'r');
  const buffers: Buffer[] = [];
  const read = (number: number) => {
    const at = number % (atOnce + 1);
    buffers[at] ??= Buffer.allocUnsafeSlow(bytes);
    const reading = handle.read(buffers[at], 0, bytes);
    reading.catch(() => {}); // thrown where it is awaited
    return reading;
  };
  try {
    let next = read(0);
    for (let number = 1; ; number++) {
      const { bytesRead, buffer } = await next;
      if (bytesRead === 0) return;
      next = read(number);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close(); // waits for reads in progress
  }
}
