// The stat index: it spares reading what did not change, and never vouches for what may have.

import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { createFileHasher } from '../../../src/project/hash.ts';
import { readManifest } from '../../../src/project/manifest.ts';
import { StatIndex } from '../../../src/project/stat-index.ts';
import { layerOf, Tree, valueIn } from '../../rig/tree.ts';
import { HASH, never, now, OTHER, SECOND, saved, statOf } from './stats.ts';

test('an unchanged file is not read again', () => {
  using tree = new Tree();
  const stat = statOf();
  const names = ['a', 'with space', 'new\nline', '"quoted\\', '../outside', 'ä', '__proto__'];
  const file = saved(tree, stat, names);
  const index = StatIndex.load(file);
  for (const name of names) assert.equal(index.hash(name, stat, never), HASH, name);
  assert.deepEqual(readdirSync(tree.path('state')), ['stat-index'], 'nothing else is left there');
});

test('a manifest of files that are old is made a second time without reading one', async () => {
  using tree = new Tree();
  const hasher = await createFileHasher();
  let reads = 0;
  const counting = {
    ...hasher,
    hashFile(file: string) {
      reads++;
      return hasher.hashFile(file);
    },
  };
  // Installed long ago, and nobody edits it.
  const layer = layerOf('10_a', {
    directory: path.resolve(import.meta.dirname, '../../../node_modules/kleur'),
  });
  const read = () => {
    const index = StatIndex.load(tree.path('stat-index'));
    const manifest = valueIn(readManifest(layer, tree.directory, index, counting));
    index.save(true);
    return manifest;
  };
  const first = read();
  const files = first.filter(({ type }) => type === 'file').length;
  assert.equal(reads, files);
  assert.deepEqual(read(), first);
  assert.equal(reads, files);
});

describe('a file is read again', () => {
  const stat = statOf();
  for (const [what, changes] of [
    ['when its size changed', { size: 4n }],
    ['when its mtime changed', { mtimeNs: stat.mtimeNs + 1n }],
    [
      'when its ctime alone changed: new content under the old size and mtime',
      { ctimeNs: stat.ctimeNs + 1n },
    ],
    ['when another file took its place', { ino: 43n }],
  ] as const) {
    test(what, () => {
      using tree = new Tree();
      const file = saved(tree, stat);
      const index = StatIndex.load(file);
      assert.equal(
        index.hash('a', statOf({ ...stat, ...changes }), () => OTHER),
        OTHER,
      );
    });
  }

  for (const [what, changes] of [
    ['when it was young', () => ({ mtimeNs: now(), ctimeNs: now() })],
    ['when its content alone was young', () => ({ mtimeNs: now() })],
    ['when its inode alone was young', () => ({ ctimeNs: now() })],
    ['when it was half a second old', () => ({ mtimeNs: now() - SECOND / 2n, ctimeNs: now() - SECOND / 2n })],
    ['when it is from the future, as the clock was set back', () => ({ mtimeNs: now() + 3600n * SECOND })],
  ] as const) {
    test(what, () => {
      using tree = new Tree();
      const racy = statOf(changes());
      const index = StatIndex.load(saved(tree, racy));
      let reads = 0;
      index.hash('a', racy, () => `${reads++}`);
      assert.equal(reads, 1);
    });
  }
});

test('times before 1970 are times', () => {
  using tree = new Tree();
  const stat = statOf({ mtimeNs: -5n * SECOND });
  assert.equal(StatIndex.load(saved(tree, stat)).hash('a', stat, never), HASH);
});

describe('saving', () => {
  const stat = statOf();

  test('after a walk of the whole project forgets what was not seen', () => {
    using tree = new Tree();
    const file = saved(tree, stat, ['a', 'gone']);
    const index = StatIndex.load(file);
    index.hash('a', stat, never);
    index.save(true);
    assert.equal(
      StatIndex.load(file).hash('gone', stat, () => OTHER),
      OTHER,
    );
    assert.equal(StatIndex.load(file).hash('a', stat, never), HASH);
  });

  test('after a walk of a part keeps the rest', () => {
    using tree = new Tree();
    const file = saved(tree, stat, ['a', 'elsewhere']);
    const index = StatIndex.load(file);
    index.hash('new', stat, () => OTHER);
    index.save(false);
    const after = StatIndex.load(file);
    for (const name of ['a', 'elsewhere']) assert.equal(after.hash(name, stat, never), HASH, name);
    assert.equal(after.hash('new', stat, never), OTHER);
  });

  test('writes nothing when nothing changed', () => {
    using tree = new Tree();
    const file = saved(tree, stat);
    const before = lstatSync(file, { bigint: true });
    for (const complete of [true, false]) {
      const index = StatIndex.load(file);
      index.hash('a', stat, never);
      index.save(complete);
      assert.equal(lstatSync(file, { bigint: true }).ino, before.ino);
    }
    StatIndex.load(tree.path('state/other')).save(true);
    assert.equal(existsSync(tree.path('state/other')), false);
  });

  test('two at once leave one that can be read', () => {
    using tree = new Tree();
    const file = tree.path('stat-index');
    const [one, two] = [StatIndex.load(file), StatIndex.load(file)];
    one.hash('a', stat, () => HASH);
    two.hash('b', stat, () => HASH);
    one.save(true);
    two.save(true);
    assert.equal(StatIndex.load(file).hash('b', stat, never), HASH);
    assert.deepEqual(readdirSync(tree.directory), ['stat-index']);
  });
});
