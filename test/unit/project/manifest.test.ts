// Manifests: they change with all that a script can observe of its inputs, and with nothing else.

import assert from 'node:assert/strict';
import { chmodSync, utimesSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { BindMount } from '../../../src/model/layer.ts';
import { manifestText } from '../../../src/model/manifest.ts';
import { createFileHasher } from '../../../src/project/hash.ts';
import { readManifest, sortManifest } from '../../../src/project/manifest.ts';
import { StatIndex } from '../../../src/project/stat-index.ts';
import { type Files, failureIn, layerOf, Tree, valueIn } from '../../rig/tree.ts';

const hasher = await createFileHasher();

function read(tree: Tree, bindMounts: readonly BindMount[] = []) {
  const layer = layerOf('10_a', { directory: tree.path('layer'), hints: { bindMounts } });
  return readManifest(layer, tree.directory, StatIndex.load(tree.path('.vlb/stat-index')), hasher);
}

function text(tree: Tree, bindMounts?: readonly BindMount[]): string {
  return manifestText(valueIn(read(tree, bindMounts)));
}

function textOf(files: Files, bindMounts?: readonly BindMount[]): string {
  using tree = new Tree(files);
  return text(tree, bindMounts);
}

const EMPTY = 'ef46db3751d8e999';
const ABC = '44bc2cf5ad770999';

test('one line an entry, sorted, with the kind of each', () => {
  const manifest = textOf({
    'layer/b': 'abc',
    'layer/a.sh': { content: '', mode: 0o755 },
    'layer/empty/': '',
    'layer/link': { link: '/nowhere' },
    'layer/sub/c': '',
  });
  assert.equal(
    manifest,
    [
      `file x ${EMPTY} "./a.sh"`,
      `file - ${ABC} "./b"`,
      'directory "./empty"',
      'link "/nowhere" "./link"',
      'directory "./sub"',
      `file - ${EMPTY} "./sub/c"`,
      '',
    ].join('\n'),
  );
});

test('an empty layer has an empty manifest', () => assert.equal(textOf({ 'layer/': '' }), ''));

describe('what changes it', () => {
  const before: Files = { 'layer/a': 'abc', 'layer/link': { link: 'a' }, 'layer/d/': '' };
  const changed: readonly (readonly [string, Files])[] = [
    ['content', { ...before, 'layer/a': 'abd' }],
    ['the executable bit', { ...before, 'layer/a': { content: 'abc', mode: 0o744 } }],
    ['where a link leads', { ...before, 'layer/link': { link: './a' } }],
    ['an empty directory more', { ...before, 'layer/e/': '' }],
    ['an empty file more', { ...before, 'layer/e': '' }],
    ['a name', { 'layer/b': 'abc', 'layer/link': { link: 'a' }, 'layer/d/': '' }],
    ['a file for the link to it', { ...before, 'layer/link': 'abc' }],
  ];
  for (const [what, after] of changed) {
    test(what, () => assert.notEqual(textOf(after), textOf(before)));
  }
});

describe('what does not', () => {
  test('times, and the bits that a umask takes', () => {
    using tree = new Tree({ 'layer/a': 'abc', 'layer/x': { content: '', mode: 0o755 }, 'layer/d/': '' });
    const before = text(tree);
    utimesSync(tree.path('layer/a'), 1, 1);
    for (const [file, directory, program] of [
      [0o600, 0o700, 0o700],
      [0o664, 0o775, 0o775],
      [0o666, 0o2777, 0o4711],
    ] as const) {
      chmodSync(tree.path('layer/a'), file);
      chmodSync(tree.path('layer/d'), directory);
      chmodSync(tree.path('layer/x'), program);
      assert.equal(text(tree), before);
    }
  });

  test('where the project is, and in which order its files were made', () => {
    const files: Files = { 'layer/b': '1', 'layer/a': '2', 'layer/c': { link: 'b' } };
    const reversed = Object.fromEntries(Object.entries(files).reverse());
    assert.equal(textOf(files), textOf(reversed));
  });
});

describe('bind mounts', () => {
  test('of a directory, of a file, and of a link to a file, under the names that the script sees', () => {
    using tree = new Tree({ 'layer/a': '', 'shared/x': 'abc', one: 'abc', alias: { link: 'one' } });
    const manifest = text(tree, [
      { source: '../shared', target: '/srv/shared' },
      { source: '../one', target: '/etc/one' },
      { source: '../alias', target: '/etc/two' },
    ]);
    assert.match(manifest, new RegExp(`^file - ${ABC} "/srv/shared/x"$`, 'm'));
    assert.match(manifest, new RegExp(`^file - ${ABC} "/etc/one"$`, 'm'));
    assert.match(manifest, new RegExp(`^file - ${ABC} "/etc/two"$`, 'm'));
  });

  test('are inputs', () => {
    const mounts = [{ source: '../shared', target: '/s' }];
    assert.notEqual(
      textOf({ 'layer/': '', 'shared/x': '1' }, mounts),
      textOf({ 'layer/': '', 'shared/x': '2' }, mounts),
    );
  });

  test('of what is missing or cannot be read are failures', () => {
    using tree = new Tree({ 'layer/a': '' });
    const missing = failureIn(read(tree, [{ source: '../shared', target: '/s' }]));
    assert.equal(missing.where?.file, tree.path('shared'));
    // Its first page is mapped by nobody, so that even root cannot read it.
    const unreadable = failureIn(read(tree, [{ source: '/proc/self/mem', target: '/s' }]));
    assert.equal(unreadable.kind, 'usage');
    assert.match(unreadable.message, /cannot be read \(EIO\)/);
    assert.equal(unreadable.where?.file, '/proc/self/mem');
  });
});

describe('the text cannot be forged by names', () => {
  const honest = textOf({ 'layer/a': '', 'layer/b': '' });

  test('a newline in a name', () => {
    const forged = textOf({ [`layer/a"\nfile - ${EMPTY} "b`]: '' });
    assert.notEqual(forged, honest);
    assert.equal(forged.trimEnd().split('\n').length, 1);
  });

  test('a newline in a link', () => {
    const forged = textOf({ 'layer/a': { link: `x" "./a"\nfile - ${EMPTY} "./b` } });
    assert.equal(forged.trimEnd().split('\n').length, 1);
  });

  test('quotes and backslashes', () => {
    const names = ['a"b', 'a\\"b', 'a\\\\"b', 'a b', 'a\tb', 'a\\tb'];
    assert.equal(new Set(names.map((name) => textOf({ [`layer/${name}`]: '' }))).size, names.length);
  });
});

test('paths are sorted by their bytes', () => {
  const paths = ['./a', './a-b', './a/b', './aa', './b', './B', './é', './\uff5e', './\u{1f600}'];
  const sorted = sortManifest(paths.toReversed().map((path) => ({ type: 'directory', path })));
  const byBytes = paths.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.deepEqual(
    sorted.map(({ path }) => path),
    byBytes,
  );
});
