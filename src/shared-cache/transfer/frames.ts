// zstd in many frames, several of which are packed or unpacked at the same time. Before each frame stands a skippable one
// (RFC 8878, section 3.1.2) that says how many bytes the frame has, as pzstd does it (contrib/pzstd/SkippableFrame.h of
// zstd): so its end is known before it is unpacked. `zstd -d` skips them, and gives the same bytes.

import { promisify } from 'node:util';
import { createZstdCompress, zstdDecompress } from 'node:zlib';
import { free } from './memory.ts';

/** How many bytes a frame holds, unpacked. Larger ones save less than one percent, and take memory. */
export const FRAME_BYTES = 2 ** 20;
/** How many are worked on at the same time: one of node's four threads is left for files. */
export const FRAMES_AT_ONCE = 3;

/** The first of sixteen numbers that skippable frames begin with. */
const SKIPPABLE = 0x18_4d_2a_50;
const HEADER_BYTES = 12;
/** What one frame can take, packed: ZSTD_COMPRESSBOUND of zstd.h. */
const MOST_PACKED = FRAME_BYTES + FRAME_BYTES / 256;
/** In one go, with room for the end of a frame. */
const PACKING = { chunkSize: MOST_PACKED + 1024 };
const UNPACKING = { chunkSize: FRAME_BYTES + 1024, maxOutputLength: FRAME_BYTES };

const decompress = promisify(zstdDecompress);

/** What came is not made of frames. */
export class FrameError extends Error {}

/**
 * Packs pieces of FRAME_BYTES, of which FRAMES_AT_ONCE are looked at at the same time. What comes out is, one after the other, the
 * packed whole; each is gone when the next is asked for.
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

/** A frame in two or more pieces: node's zstdCompress puts them together, in memory that is twice as much then. */
function compress(piece: Buffer): Promise<Buffer[]> {
  const packer = createZstdCompress(PACKING);
  packer.end(piece);
  return packer.toArray();
}

/** Unpacks what `pack` made, however it was cut since; takes the memory of pieces that have a buffer for themselves. Throws a FrameError. */
export async function* unpack(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const unpacked = inOrder(frames(bytes), async (frame) => {
    try {
      return await decompress(frame, UNPACKING);
    } catch (cause) {
      throw new FrameError('not zstd, or more than a frame has', { cause });
    }
  });
  let isEnd = false;
  for await (const piece of unpacked) {
    // So there are no more of them than the whole has, however little is in each.
    if (isEnd || piece.length === 0) throw new FrameError('a frame that is not full, and not the last');
    isEnd = piece.length < FRAME_BYTES;
    yield piece;
  }
}

/** The frames without what stands before each. One is overwritten when FRAMES_AT_ONCE more were asked for. */
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

/** What becomes of each, in their order, with FRAMES_AT_ONCE in work. */
async function* inOrder<T>(all: AsyncIterable<Buffer>, work: (one: Buffer) => Promise<T>): AsyncGenerator<T> {
  const running: Promise<T>[] = [];
  for await (const one of all) {
    const result = work(one);
    result.catch(() => {}); // thrown when its turn comes
    running.push(result);
    const [first] = running;
    if (first === undefined || running.length < FRAMES_AT_ONCE) continue;
    running.shift();
    yield await first;
  }
  for (const result of running) yield await result;
}
