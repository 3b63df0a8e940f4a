// What a base stands for in a key.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseKindOf } from '../../../../src/kinds/registry.ts';
import type { Base } from '../../../../src/model/project.ts';
import { lazyFileHasher } from '../../../../src/project/inputs/hash.ts';
import { StatIndex } from '../../../../src/project/inputs/stat-index.ts';
import { failureIn, Tree, valueIn } from '../../../rig/tree.ts';

const loadHasher = lazyFileHasher();

function content(base: Base, tree: Tree) {
  const index = StatIndex.load(tree.path('.vlb/stat-index'));
  return baseKindOf(base).recipe({ name: 'base', directory: tree.directory, index, loadHasher });
}

test('a file stands for its content and the checksum asked for, wherever it is', async () => {
  using tree = new Tree({ one: 'abc', 'deep/two': 'abc', three: 'abd' });
  const of = async (name: string, sha256?: string) =>
    valueIn(
      await content(
        { type: 'file', path: tree.path(name), ...(sha256 === undefined ? {} : { sha256 }) },
        tree,
      ),
    );
  assert.match(await of('one'), /44bc2cf5ad770999/);
  assert.equal(await of('one'), await of('deep/two'));
  assert.notEqual(await of('one'), await of('three'));
  assert.notEqual(await of('one'), await of('one', '0'.repeat(64)));
});

test('a url stands for its checksum, whatever the address, and nothing is read', async () => {
  using tree = new Tree();
  const of = async (url: string, digit: string) =>
    valueIn(await content({ type: 'url', url, sha256: digit.repeat(64) }, tree));
  assert.equal(await of('https://a.example/x', '1'), await of('https://mirror.example/y', '1'));
  assert.notEqual(await of('https://a.example/x', '1'), await of('https://a.example/x', '2'));
});

test('a base that is not there, or is no file', async () => {
  using tree = new Tree({ 'directory/': '', loop: { link: 'loop' } });
  for (const [name, message] of [
    ['missing', /does not exist/],
    ['missing/below', /does not exist/],
    ['directory', /is not a file/],
    ['loop', /base image/],
  ] as const) {
    const failure = failureIn(await content({ type: 'file', path: tree.path(name) }, tree));
    assert.match(failure.message, message);
    assert.equal(failure.where?.file, tree.path(name));
  }
});
