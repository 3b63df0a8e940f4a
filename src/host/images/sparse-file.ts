// Writes a file with holes in place of zeros: disks are mostly empty.

import { type FileHandle, open } from 'node:fs/promises';
import { Writable } from 'node:stream';

/** A hole is this long at least, and begins at a multiple of it: the size of a qcow2's clusters. */
const BLOCK = 64 * 1024;
const ZEROS = Buffer.alloc(BLOCK);

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
