// zstd in many frames, several of which are packed or unpacked at the same time. Each frame follows a skippable one
// (RFC 8878, section 3.1.2) with its size, as in pzstd (contrib/pzstd/SkippableFrame.h of zstd), so that its end is
// known before it is unpacked. `zstd -d` ignores the skippable frames and returns the same bytes.

import { promisify } from 'node:util';
import { createZstdCompress, zstdDecompress } from 'node:zlib';
import { free } from './memory.ts';

/** Bytes in a frame, unpacked. Larger frames save less than one percent, and need more memory. */
export const FRAME_BYTES = 2 ** 20;
/** How many are processed at the same time: one of node's four threads is left for files. */
export const FRAMES_AT_ONCE = 3;

/** The first of sixteen numbers that skippable frames begin with. */
const SKIPPABLE = 0x18_4d_2a_50;
const HEADER_BYTES = 12;
/** The largest packed frame: ZSTD_COMPRESSBOUND of zstd.h. */
const MOST_PACKED = FRAME_BYTES + FRAME_BYTES / 256;
/** One chunk a frame, with room for the frame's end. */
const PACKING = { chunkSize: MOST_PACKED + 1024 };
const UNPACKING = { chunkSize: FRAME_BYTES + 1024, maxOutputLength: FRAME_BYTES };

const decompress = promisify(zstdDecompress);

/** The input is not in this format. */
export class FrameError extends Error {}

/**
 * Packs pieces of FRAME_BYTES, of which FRAMES_AT_ONCE are in use at the same time. Each returned piece is freed when
 * the next one is requested.
 */
export async function* pack(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const frame of inOrder(pieces, compress)) {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(SKIPPABLE, 0);
    header.writeUInt32LE(4, 4);
    header.writeUInt32LE(
      frame.reduce((total, { length }) => total + length, 0),
      8,
    );
    yield header;
    yield* frame;
    frame.forEach(free);
  }
}

/** A frame in two or more pieces: zlib.zstdCompress would concatenate them, and use twice the memory. */
function compress(piece: Buffer): Promise<Buffer[]> {
  const packer = createZstdCompress(PACKING);
  packer.end(piece);
  return packer.toArray();
}

/** Unpacks the output of `pack`, in pieces of any size; frees pieces that own their buffer. Throws a FrameError. */
export async function* unpack(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const unpacked = inOrder(frames(bytes), async (frame) => {
    try {
      return await decompress(frame, UNPACKING);
    } catch (cause) {
      throw new FrameError('not zstd, or larger than a frame', { cause });
    }
  });
  let isEnd = false;
  for await (const piece of unpacked) {
    // Bounds the number of frames by the size of the whole.
    if (isEnd || piece.length === 0) throw new FrameError('a frame before the last is not full');
    isEnd = piece.length < FRAME_BYTES;
    yield piece;
  }
}

/** The frames without their headers. Each is overwritten when FRAMES_AT_ONCE more were requested. */
async function* frames(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const buffers: Buffer[] = [];
  const header = Buffer.alloc(HEADER_BYTES);
  let into: Buffer = header;
  let [wanted, filled, number] = [HEADER_BYTES, 0, 0];
  for await (const piece of bytes) {
    for (let at = 0; at < piece.length; ) {
      const taken = piece.subarray(at, at + wanted - filled);
      into.set(taken, filled);
      at += taken.length;
      filled += taken.length;
      if (filled < wanted) break;
      filled = 0;
      if (into === header) {
        wanted = packedBytes(header);
        const slot = number++ % (FRAMES_AT_ONCE + 1);
        buffers[slot] ??= Buffer.allocUnsafeSlow(MOST_PACKED);
        into = buffers[slot];
      } else {
        yield into.subarray(0, wanted);
        [into, wanted] = [header, HEADER_BYTES];
      }
    }
    if (piece.length === piece.buffer.byteLength) free(piece);
  }
  if (into !== header || filled > 0) throw new FrameError('the last frame is cut off');
}

function packedBytes(header: Buffer): number {
  const isOurs = header.readUInt32LE(0) === SKIPPABLE && header.readUInt32LE(4) === 4;
  const bytes = header.readUInt32LE(8);
  if (!isOurs || bytes === 0 || bytes > MOST_PACKED) throw new FrameError('not in frames');
  return bytes;
}

/** Maps all pieces, in order, FRAMES_AT_ONCE at the same time. */
async function* inOrder<T>(all: AsyncIterable<Buffer>, work: (one: Buffer) => Promise<T>): AsyncGenerator<T> {
  const running: Promise<T>[] = [];
  for await (const one of all) {
    const result = work(one);
    result.catch(() => {}); // thrown where it is awaited
    running.push(result);
    const [first] = running;
    if (first === undefined || running.length < FRAMES_AT_ONCE) continue;
    running.shift();
    yield await first;
  }
  for (const result of running) yield await result;
}
