// Manifests: they change with all that a script can observe of its inputs, and with nothing else.

import assert from 'node:assert/strict';
import { chmodSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { BindMount } from '../../../../src/model/project.ts';
import { createFileHasher } from '../../../../src/project/inputs/hash.ts';
import { createManifestReader, sortManifest } from '../../../../src/project/inputs/manifest.ts';
import { StatIndex } from '../../../../src/project/inputs/stat-index.ts';
import { type Files, failureIn, layerOf, Tree, valueIn } from '../../../rig/tree.ts';

const hasher = await createFileHasher();

function read(tree: Tree, bindMounts: readonly BindMount[] = []) {
  const layer = layerOf('10_a', { directory: tree.path('layer'), hints: { bindMounts } });
  const index = StatIndex.load(tree.path('.vlb/stat-index'));
  return createManifestReader(tree.directory, index, async () => hasher).read(layer);
}

async function text(tree: Tree, bindMounts?: readonly BindMount[]): Promise<string> {
  return valueIn(await read(tree, bindMounts));
}

async function textOf(files: Files, bindMounts?: readonly BindMount[]): Promise<string> {
  using tree = new Tree(files);
  return await text(tree, bindMounts);
}

const EMPTY = 'ef46db3751d8e999';
const ABC = '44bc2cf5ad770999';

test('one line an entry, sorted, with the kind of each', async () => {
  const manifest = await textOf({
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

test('an empty layer has an empty manifest', async () => assert.equal(await textOf({ 'layer/': '' }), ''));

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
    test(what, async () => assert.notEqual(await textOf(after), await textOf(before)));
  }
});

describe('what does not', () => {
  test('times, and the bits that a umask takes', async () => {
    using tree = new Tree({ 'layer/a': 'abc', 'layer/x': { content: '', mode: 0o755 }, 'layer/d/': '' });
    const before = await text(tree);
    utimesSync(tree.path('layer/a'), 1, 1);
    for (const [file, directory, program] of [
      [0o600, 0o700, 0o700],
      [0o664, 0o775, 0o775],
      [0o666, 0o2777, 0o4711],
    ] as const) {
      chmodSync(tree.path('layer/a'), file);
      chmodSync(tree.path('layer/d'), directory);
      chmodSync(tree.path('layer/x'), program);
      assert.equal(await text(tree), before);
    }
  });

  test('where the project is, and in which order its files were made', async () => {
    const files: Files = { 'layer/b': '1', 'layer/a': '2', 'layer/c': { link: 'b' } };
    const reversed = Object.fromEntries(Object.entries(files).reverse());
    assert.equal(await textOf(files), await textOf(reversed));
  });
});

describe('bind mounts', () => {
  test('of a directory, of a file, and of a link to a file, under the names that the script sees', async () => {
    using tree = new Tree({ 'layer/a': '', 'shared/x': 'abc', one: 'abc', alias: { link: 'one' } });
    const manifest = await text(tree, [
      { source: '../shared', target: '/srv/shared' },
      { source: '../one', target: '/etc/one' },
      { source: '../alias', target: '/etc/two' },
    ]);
    assert.match(manifest, new RegExp(`^file - ${ABC} "/srv/shared/x"$`, 'm'));
    assert.match(manifest, new RegExp(`^file - ${ABC} "/etc/one"$`, 'm'));
    assert.match(manifest, new RegExp(`^file - ${ABC} "/etc/two"$`, 'm'));
  });

  test('are inputs', async () => {
    const mounts = [{ source: '../shared', target: '/s' }];
    assert.notEqual(
      await textOf({ 'layer/': '', 'shared/x': '1' }, mounts),
      await textOf({ 'layer/': '', 'shared/x': '2' }, mounts),
    );
  });

  test('of what is missing or cannot be read are failures', async () => {
    using tree = new Tree({ 'layer/a': '' });
    const missing = failureIn(await read(tree, [{ source: '../shared', target: '/s' }]));
    assert.equal(missing.where?.file, tree.path('shared'));
    // Its first page is mapped by nobody, so that even root cannot read it.
    const unreadable = failureIn(await read(tree, [{ source: '/proc/self/mem', target: '/s' }]));
    assert.equal(unreadable.kind, 'usage');
    assert.match(unreadable.message, /cannot be read \(EIO\)/);
    assert.equal(unreadable.where?.file, '/proc/self/mem');
  });
});

describe('the text cannot be forged by names', () => {
  test('a newline in a name', async () => {
    const forged = await textOf({ [`layer/a"\nfile - ${EMPTY} "b`]: '' });
    assert.notEqual(forged, await textOf({ 'layer/a': '', 'layer/b': '' }));
    assert.equal(forged.trimEnd().split('\n').length, 1);
  });

  test('a newline in a link', async () => {
    const forged = await textOf({ 'layer/a': { link: `x" "./a"\nfile - ${EMPTY} "./b` } });
    assert.equal(forged.trimEnd().split('\n').length, 1);
  });

  test('quotes and backslashes', async () => {
    const names = ['a"b', 'a\\"b', 'a\\\\"b', 'a b', 'a\tb', 'a\\tb'];
    assert.equal(
      new Set(await Promise.all(names.map((name) => textOf({ [`layer/${name}`]: '' })))).size,
      names.length,
    );
  });
});

test('paths are sorted by their bytes', async () => {
  const paths = ['./a', './a-b', './a/b', './aa', './b', './B', './é', './\uff5e', './\u{1f600}'];
  const sorted = sortManifest(paths.toReversed().map((path) => ({ type: 'directory', path })));
  const byBytes = paths.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.deepEqual(
    sorted.map(({ path }) => path),
    byBytes,
  );
});

describe('a manifest that is made again', () => {
  /** Reads a layer twice through one index, changing something in between; counts the files that were read. */
  async function again(change: (tree: Tree) => void, files: Files = OLD) {
    using tree = new Tree(files);
    const layer = layerOf('10_a', { directory: tree.path('layer') });
    let reads = 0;
    const counting = {
      ...hasher,
      hashFile(file: string) {
        reads++;
        return hasher.hashFile(file);
      },
    };
    const once = async () => {
      const index = StatIndex.load(tree.path('.vlb/stat-index'));
      // As if the files had been there for an hour: a file that old cannot be made, its ctime is the kernel's.
      Object.defineProperty(index, 'now', { value: Date.now() + 3_600_000 });
      reads = 0;
      const made = valueIn(
        await createManifestReader(tree.directory, index, async () => counting).read(layer),
      );
      index.save(true);
      return { made, reads };
    };
    const first = await once();
    change(tree);
    const second = await once();
    const index = StatIndex.load(tree.path('none'));
    const afresh = valueIn(await createManifestReader(tree.directory, index, async () => hasher).read(layer));
    assert.equal(second.made, afresh, 'it is the one that is made without an index');
    return { isSame: first.made === second.made, reads: second.reads };
  }
  const OLD: Files = {
    'layer/a': '1',
    'layer/b/c': '2',
    'layer/b/d': '3',
    'layer/e': '4',
    'layer/l': { link: 'a' },
  };

  test('reads nothing when nothing changed', async () => {
    assert.deepEqual(await again(() => {}), { isSame: true, reads: 0 });
  });

  for (const [what, change, reads] of [
    ['an edit', (tree: Tree) => tree.write({ 'layer/b/c': 'x' }), 1],
    ['a file more', (tree: Tree) => tree.write({ 'layer/b/cc': 'x' }), 1],
    ['an empty directory more', (tree: Tree) => tree.write({ 'layer/z/': '' }), 0],
    ['a file less', (tree: Tree) => rmSync(tree.path('layer/b/c')), 0],
    ['the last file less', (tree: Tree) => rmSync(tree.path('layer/l')), 0],
    [
      'a file in another directory',
      (tree: Tree) => renameSync(tree.path('layer/b/d'), tree.path('layer/d')),
      1,
    ],
    ['two files that took each other’s places', swap, 2],
    ['a mode', (tree: Tree) => chmodSync(tree.path('layer/a'), 0o755), 1],
    ['a link that leads elsewhere', relink, 0],
    ['a directory where a file was', (tree: Tree) => replace(tree, 'layer/e', 'layer/e/'), 0],
    ['a file where a directory was', (tree: Tree) => replace(tree, 'layer/b', 'layer/b'), 1],
  ] as const) {
    test(`reads what changed: ${what}`, async () => {
      assert.deepEqual(await again(change), { isSame: false, reads });
    });
  }

  test('a directory that is emptied into the one above is not taken for what it was', async () => {
    const files: Files = { 'layer/a/b': '1', 'layer/c': '2' };
    const { isSame } = await again((tree) => renameSync(tree.path('layer/c'), tree.path('layer/a/c')), files);
    assert.ok(!isSame);
  });

  function swap(tree: Tree): void {
    renameSync(tree.path('layer/a'), tree.path('layer/x'));
    renameSync(tree.path('layer/e'), tree.path('layer/a'));
    renameSync(tree.path('layer/x'), tree.path('layer/e'));
  }

  function relink(tree: Tree): void {
    rmSync(tree.path('layer/l'));
    tree.write({ 'layer/l': { link: 'e' } });
  }

  function replace(tree: Tree, old: string, name: string): void {
    rmSync(tree.path(old), { recursive: true });
    tree.write({ [name]: '' });
  }
});

test('a directory that becomes a link to another while files are hashed is not followed', async () => {
  using tree = new Tree({
    'layer/dir/1': 'mine',
    'layer/dir/2': 'mine',
    'outside/1': 'secret',
    'outside/2': 'secret',
  });
  const seen: string[] = [];
  const swapping = {
    ...hasher,
    hashFile(file: string) {
      seen.push(readFileSync(file, 'utf8'));
      if (seen.length === 1) {
        renameSync(tree.path('layer/dir'), tree.path('gone'));
        symlinkSync(tree.path('outside'), tree.path('layer/dir'));
      }
      return hasher.hashFile(file);
    },
  };
  const layer = layerOf('10_a', { directory: tree.path('layer') });
  const index = StatIndex.load(tree.path('.vlb/stat-index'));
  const failure = failureIn(
    await createManifestReader(tree.directory, index, async () => swapping).read(layer),
  );
  assert.equal(failure.message, 'this input changed while vlb was reading it');
  assert.deepEqual(seen, ['mine']);
});
