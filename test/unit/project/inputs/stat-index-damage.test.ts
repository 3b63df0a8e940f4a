// A stat index that is damaged costs time, never correctness.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Tree } from '../../../rig/tree.ts';
import { load, saved, statOf, vouches } from './stats.ts';

const stat = statOf();

function whole(): Buffer {
  using tree = new Tree();
  return readFileSync(saved(tree, stat, ['./a', './b']));
}

describe('a damaged index is empty', () => {
  const right = whole();
  const other = Buffer.from(right.toString('latin1').replace('index 3', 'index 1'), 'latin1');
  for (const [what, content] of [
    ['empty', Buffer.alloc(0)],
    ['binary garbage', Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 167) % 256))],
    ['of another version', other],
    ['of the version before', Buffer.from(`vlb stat index 2 ${'0'.repeat(64)}\n2\n[]`)],
    ['with more behind it', Buffer.concat([right, Buffer.from('x')])],
    ['full of zeros', Buffer.alloc(4096)],
  ] as const) {
    test(what, () => {
      using tree = new Tree({ 'state/stat-index': content });
      const file = tree.path('state/stat-index');
      assert.ok(!vouches(file, stat));
      saved(tree, stat);
      assert.ok(vouches(file, stat), 'and is mended');
    });
  }

  test('cut off anywhere, or with a bit turned over anywhere', () => {
    for (let at = 0; at < right.length; at++) {
      const flipped = Buffer.from(right);
      flipped[at] = (flipped[at] ?? 0) ^ 4;
      for (const content of [right.subarray(0, at), flipped]) {
        using tree = new Tree({ 'state/stat-index': content });
        assert.ok(!vouches(tree.path('state/stat-index'), stat), `at byte ${at}`);
      }
    }
  });

  test('a directory in its place', () => {
    using tree = new Tree();
    mkdirSync(tree.path('state/stat-index'), { recursive: true });
    saved(tree, stat);
    assert.deepEqual(
      readdirSync(tree.path('state')),
      ['stat-index'],
      'what could not be put in place is gone',
    );
    assert.equal(load(tree.path('state/stat-index')).recall('10_a', 'origin'), undefined);
  });
});
