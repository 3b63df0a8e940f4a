// What arrives is written and hashed, by the thread that receives it or by another.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openWriter } from '../../../../src/shared-cache/transfer/writer.ts';
import { Tree } from '../../../rig/tree.ts';

const PIECE = 2 ** 20;

/** What a writer is told that is going to come decides who writes. */
const WRITERS = { 'in the same thread': PIECE, 'in another thread': 2 ** 30 };

for (const [where, promised] of Object.entries(WRITERS)) {
  describe(where, () => {
    test('pieces are written in their order, and hashed; their memory is taken', async () => {
      using tree = new Tree({ file: 'what was there before' });
      const content = randomBytes(9 * PIECE + 12_345);
      const file = tree.path('file');
      await using writer = openWriter(file, promised);
      for (let at = 0; at < content.length; at += PIECE) {
        const piece = Buffer.from(new Uint8Array(content.subarray(at, at + PIECE)));
        await writer.write(piece);
        assert.ok(piece.length < PIECE, 'it is here no more, but for a small last one');
      }
      assert.equal(await writer.end(), createHash('sha256').update(content).digest('hex'));
      assert.ok(readFileSync(file).equals(content));
    });

    test('small pieces, whose memory others share, are left as they are', async () => {
      using tree = new Tree();
      await using writer = openWriter(tree.path('file'), promised);
      const [one, two] = [Buffer.from('one'), Buffer.from('two')];
      await writer.write(one);
      await writer.write(two);
      await writer.end();
      assert.equal(readFileSync(tree.path('file'), 'utf8'), 'onetwo');
      assert.deepEqual([one, two].map(String), ['one', 'two']);
    });

    test('a disk that is full, or a directory that is not there, is told as node tells it', async () => {
      for (const [file, code] of [
        ['/dev/full', 'ENOSPC'],
        ['/nowhere/file', 'ENOENT'],
      ] as const) {
        const writing = async () => {
          await using writer = openWriter(file, promised);
          for (let count = 0; count < 10; count++) await writer.write(Buffer.alloc(PIECE));
          await writer.end();
        };
        await assert.rejects(writing(), { code });
      }
    });

    test('one that is given up ends at once', async () => {
      using tree = new Tree();
      const file = tree.path('file');
      {
        await using writer = openWriter(file, promised);
        await writer.write(Buffer.alloc(PIECE));
      }
      assert.ok(existsSync(file) || promised > PIECE);
    });
  });
}
