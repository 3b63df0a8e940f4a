// Reads a file without its holes, and writes one with holes in place of zeros: disks are mostly empty.

import type { Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Writable } from 'node:stream';

/** A hole is this long at least, and begins at a multiple of it: the size of a qcow2's clusters. */
const BLOCK = 64 * 1024;
const ZEROS = Buffer.alloc(BLOCK);

/** A range of a file, in bytes. */
export interface Range {
  readonly start: number;
  readonly length: number;
}

/** Whether a file has holes enough to be read without them. */
export function isSparse({ size, blocks }: Pick<Stats, 'size' | 'blocks'>): boolean {
  return size - blocks * 512 > MEBIBYTE;
}

const MEBIBYTE = 1 << 20;
const HOLE = Buffer.alloc(MEBIBYTE);

/** The bytes of a file in pieces, of which only those in the ranges are read: the others are zeros. Throws node's fs errors. */
export async function* readSparse(path: string, data: readonly Range[]): AsyncGenerator<Buffer> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  let at = 0;
  for (const { start, length } of [...data, { start: size, length: 0 }]) {
    for (; at < start; at += MEBIBYTE) yield HOLE.subarray(0, start - at);
    at = start;
    for (const end = Math.min(start + length, size); at < end; ) {
      const piece = Buffer.allocUnsafe(Math.min(MEBIBYTE, end - at));
      const { bytesRead } = await file.read(piece, 0, piece.length, at);
      if (bytesRead === 0) return; // it was truncated since then
      yield piece.subarray(0, bytesRead);
      at += bytesRead;
    }
  }
}

/** A stream that creates a file, or replaces it, and leaves out blocks of zeros. */
export function sparseFile(path: string): Writable {
  let file: FileHandle;
  let size = 0;

  /** Writes up to the end of the block in which the file ends; returns the rest. */
  const writeBlock = async (chunk: Buffer): Promise<Buffer> => {
    const piece = chunk.subarray(0, BLOCK - (size % BLOCK));
    // Pieces of a block are compared on their own: a part of a block may become a hole too.
    if (!piece.equals(ZEROS.subarray(0, piece.length))) await writeAll(file, piece, size);
    size += piece.length;
    return chunk.subarray(piece.length);
  };

  return new Writable({
    highWaterMark: 16 * BLOCK,
    construct(done) {
      open(path, 'w').then((opened) => {
        file = opened;
        done();
      }, done);
    },
    write(chunk: Buffer, _encoding, done) {
      const writeRest = async () => {
        for (let rest = chunk; rest.length > 0; ) rest = await writeBlock(rest);
      };
      writeRest().then(() => done(), done);
    },
    final(done) {
      file.truncate(size).then(() => done(), done); // a hole at the end
    },
    destroy(error, done) {
      if (file === undefined) return done(error);
      file.close().then(() => done(error), done);
    },
  });
}

async function writeAll(file: FileHandle, piece: Buffer, position: number): Promise<void> {
  for (let at = 0; at < piece.length; ) {
    at += (await file.write(piece, at, piece.length - at, position + at)).bytesWritten;
  }
}
