// zstd in frames: what is packed comes out the same, however it is cut on its way, and nothing else comes out.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import {
  FRAME_BYTES,
  FRAMES_AT_ONCE,
  FrameError,
  pack,
  unpack,
} from '../../../../src/shared-cache/transfer/frames.ts';

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return Buffer.concat(all);
}

/** Copies, as what is taken from a piece is gone afterwards. */
async function* cut(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    const piece = Buffer.allocUnsafeSlow(Math.min(size, bytes.length - at));
    bytes.copy(piece, 0, at);
    yield piece;
  }
}

const packed = (bytes: Buffer) => collect(pack(cut(bytes, FRAME_BYTES)));
const unpacked = (bytes: Buffer, size = 64 * 1024) => collect(unpack(cut(bytes, size)));

/** Half of it chance, so that frames have different lengths. */
function content(size: number): Buffer {
  return Buffer.concat([randomBytes(size >> 1), Buffer.alloc(size - (size >> 1), 'text ')]);
}

function headed(frame: Buffer, length = frame.length): Buffer {
  const header = Buffer.alloc(12);
  for (const [index, value] of [0x18_4d_2a_50, 4, length].entries()) header.writeUInt32LE(value, 4 * index);
  return Buffer.concat([header, frame]);
}

describe('pack and unpack', () => {
  const many = (FRAMES_AT_ONCE + 2) * FRAME_BYTES + 12_345;
  for (const size of [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, many]) {
    test(`${size} bytes come out as they went in`, async () => {
      const bytes = content(size);
      const whole = await packed(bytes);
      for (const piece of [999, 64 * 1024, 3 * FRAME_BYTES]) {
        assert.ok((await unpacked(whole, piece)).equals(bytes), `in pieces of ${piece} bytes`);
      }
    });
  }

  test('what cannot be made smaller fits too', async () => {
    const bytes = randomBytes(2 * FRAME_BYTES);
    assert.ok((await unpacked(await packed(bytes))).equals(bytes));
  });

  test('what is cut off anywhere is refused', async () => {
    const whole = await packed(content(2 * FRAME_BYTES));
    for (const length of [1, 11, 12, 13, 1000, whole.length - 1]) {
      await assert.rejects(unpacked(whole.subarray(0, length)), FrameError, `${length} bytes`);
    }
  });

  const wrong: Readonly<Record<string, Buffer>> = {
    'zstd without what says how long it is': zstdCompressSync(content(1000)),
    'another skippable frame': Buffer.concat([
      Buffer.from('512a4d1804000000ff000000', 'hex'),
      Buffer.alloc(255),
    ]),
    'no zstd': headed(Buffer.from('not this')),
    'a length of nothing': headed(Buffer.alloc(0)),
    'a frame of four gigabytes': headed(Buffer.alloc(100), 2 ** 32 - 1),
    'a frame with nothing in it': headed(zstdCompressSync(Buffer.alloc(0))),
    'a frame that unpacks to more than one holds': headed(zstdCompressSync(Buffer.alloc(FRAME_BYTES + 1))),
    'a frame that unpacks to a gigabyte': headed(zstdCompressSync(Buffer.alloc(2 ** 30))),
  };
  for (const [what, bytes] of Object.entries(wrong)) {
    test(`${what} is refused`, async () => {
      await assert.rejects(unpacked(bytes), FrameError);
    });
  }

  test('a failure of what they read from comes out, and nothing is left unhandled', async () => {
    const breaks = async function* () {
      yield Buffer.alloc(FRAME_BYTES);
      throw new Error('broken');
    };
    await assert.rejects(collect(pack(breaks())), /^Error: broken$/);
    await assert.rejects(collect(unpack(breaks())), FrameError);
  });
});
