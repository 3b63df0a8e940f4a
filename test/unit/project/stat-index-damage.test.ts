// A stat index that is damaged costs time, never correctness.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { StatIndex } from '../../../src/project/stat-index.ts';
import { Tree } from '../../rig/tree.ts';
import { HASH, never, OTHER, saved, statOf } from './stats.ts';

describe('a damaged index is empty, or lacks what was damaged', () => {
  const stat = statOf();
  const line = (hash: string) => `${hash} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.ino} "a"\n`;
  for (const [what, content] of [
    ['empty', ''],
    ['binary garbage', Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 167) % 256))],
    ['of another version', `vlb stat index 0\n${line(HASH)}`],
    ['with a hash cut short', `vlb stat index 1\n${line(HASH.slice(1))}`],
    ['with a hash of other letters', `vlb stat index 1\n${line('g'.repeat(16))}`],
    ['cut off in its last line', `vlb stat index 1\n${line(HASH)}`.slice(0, -1)],
    ['with a name that is no JSON', `vlb stat index 1\n${line(HASH).replace('"a"', '"a"b"')}`],
    ['full of zeros', Buffer.alloc(4096)],
  ] as const) {
    test(what, () => {
      using tree = new Tree({ 'state/stat-index': content });
      const index = StatIndex.load(tree.path('state/stat-index'));
      assert.equal(
        index.hash('a', stat, () => OTHER),
        OTHER,
      );
      index.save(true);
      assert.equal(
        StatIndex.load(tree.path('state/stat-index')).hash('a', stat, never),
        OTHER,
        'and is mended',
      );
    });
  }

  test('cut off anywhere, it never gives a wrong hash', () => {
    using tree = new Tree();
    const names = ['a', 'b', 'c'];
    const whole = readFileSync(saved(tree, stat, names), 'utf8');
    for (let length = 0; length < whole.length; length++) {
      tree.write({ 'state/stat-index': whole.slice(0, length) });
      const index = StatIndex.load(tree.path('state/stat-index'));
      for (const name of names) assert.ok([HASH, OTHER].includes(index.hash(name, stat, () => OTHER)));
    }
  });

  test('a directory in its place', () => {
    using tree = new Tree();
    mkdirSync(tree.path('state/stat-index'), { recursive: true });
    const index = StatIndex.load(tree.path('state/stat-index'));
    assert.equal(
      index.hash('a', stat, () => OTHER),
      OTHER,
    );
    index.save(true);
    assert.deepEqual(
      readdirSync(tree.path('state')),
      ['stat-index'],
      'what could not be put in place is gone',
    );
  });
});
