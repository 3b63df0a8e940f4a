// The private copy of a layer's inputs: what it looks like, and that what is hashed is the copy.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { STAGED_TIME, stageInputs } from '../../../../src/execute/run/stage.ts';
import type { Staged } from '../../../../src/kinds/kind.ts';
import { manifestText } from '../../../../src/model/manifest.ts';
import type { BindMount } from '../../../../src/model/project.ts';
import { createFileHasher } from '../../../../src/project/inputs/hash.ts';
import { createManifestReader } from '../../../../src/project/inputs/manifest.ts';
import { StatIndex } from '../../../../src/project/inputs/stat-index.ts';
import { type Files, failureIn, layerOf, Tree, valueIn } from '../../../rig/tree.ts';

const hasher = await createFileHasher();

const FILES: Files = {
  'layer/build-layer': '#!/bin/sh\n',
  'layer/secret': { content: 'abc', mode: 0o400 },
  'layer/program': { content: 'x', mode: 0o6711 },
  'layer/for-others': { content: 'x', mode: 0o655 },
  'layer/sub/deep/file': 'deep',
  'layer/empty/': '',
  'layer/none': '',
  'layer/large': Buffer.alloc((1 << 20) + 1, 'large'),
  'layer/link': { link: 'sub/deep' },
  'layer/dangling': { link: '/nowhere' },
  'layer/new\nline': '1',
};

const SIGNAL = new AbortController().signal;

async function stage(tree: Tree, bindMounts: readonly BindMount[] = []) {
  tree.write({ 'staged/': '' });
  const layer = layerOf('10_a', { directory: tree.path('layer'), hints: { bindMounts } });
  const index = StatIndex.load(tree.path('.vlb/stat-index'));
  return {
    layer,
    result: await stageInputs(layer, tree.directory, tree.path('staged'), hasher, SIGNAL),
    source: async () =>
      valueIn(await createManifestReader(tree.directory, index, async () => hasher).read(layer)),
  };
}

async function staged(tree: Tree, bindMounts?: readonly BindMount[]): Promise<Staged> {
  return valueIn((await stage(tree, bindMounts)).result);
}

/** The mode of every entry of a copy, itself as `.`; links are not followed. */
function modes(root: string, name = '.'): Record<string, string> {
  const stat = lstatSync(path.join(root, name));
  if (stat.isSymbolicLink()) return { [name]: 'link' };
  const children = stat.isDirectory() ? readdirSync(path.join(root, name)) : [];
  const below = children.map((child) => modes(root, path.join(name, child)));
  return Object.assign({ [name]: (stat.mode & 0o7777).toString(8) }, ...below);
}

const MODES = {
  '.': '755',
  'build-layer': '755',
  dangling: 'link',
  empty: '755',
  'for-others': '644',
  large: '644',
  link: 'link',
  'new\nline': '644',
  none: '644',
  program: '755',
  secret: '644',
  sub: '755',
  'sub/deep': '755',
  'sub/deep/file': '644',
};

test('modes are 0644 or 0755, as git would have them', async () => {
  using tree = new Tree(FILES);
  assert.deepEqual(modes((await staged(tree)).inputs), MODES);
});

for (const umask of [0o077, 0o000, 0o027]) {
  test(`modes are the same under the umask ${umask.toString(8)}`, async (context) => {
    using tree = new Tree(FILES);
    const before = process.umask(umask);
    context.after(() => process.umask(before));
    assert.deepEqual(modes((await staged(tree)).inputs), MODES);
  });
}

test('every entry has the one time, directories that hold others and links too', async () => {
  using tree = new Tree(FILES);
  const { inputs } = await staged(tree);
  for (const name of Object.keys(MODES)) {
    assert.equal(lstatSync(path.join(inputs, name)).mtimeMs, STAGED_TIME * 1000, name);
  }
});

test('content and links are those of the source; links are not followed', async () => {
  using tree = new Tree(FILES);
  const { inputs } = await staged(tree);
  for (const name of ['secret', 'none', 'large', 'sub/deep/file', 'new\nline']) {
    assert.ok(readFileSync(path.join(inputs, name)).equals(readFileSync(tree.path('layer', name))), name);
  }
  assert.equal(readlinkSync(path.join(inputs, 'link')), 'sub/deep');
  assert.equal(readlinkSync(path.join(inputs, 'dangling')), '/nowhere');
});

describe('the manifest', () => {
  const mounts = [
    { source: '../shared', target: '/srv/shared' },
    { source: '../one', target: '/etc/one' },
    { source: '../alias', target: '/etc/two' },
  ];
  const files: Files = { ...FILES, 'shared/x': '1', 'shared/d/': '', one: '2', alias: { link: 'one' } };

  test('is the one that the source has', async () => {
    using tree = new Tree(FILES);
    const { result, source } = await stage(tree);
    assert.equal(manifestText(valueIn(result).manifest), await source());
  });

  test('is the one that the source has, with bind mounts', async () => {
    using tree = new Tree(files);
    const { result, source } = await stage(tree, mounts);
    assert.equal(manifestText(valueIn(result).manifest), await source());
  });

  test('is of the copy: an edit that comes later changes neither', async () => {
    using tree = new Tree(FILES);
    const { result, source } = await stage(tree);
    const { manifest, inputs } = valueIn(result);
    const before = JSON.stringify(manifest);
    tree.write({ 'layer/sub/deep/file': 'edited', 'layer/large': Buffer.alloc((1 << 20) + 1, 'other') });
    assert.notEqual(await source(), manifestText(manifest));
    assert.equal(JSON.stringify(manifest), before);
    assert.equal(readFileSync(path.join(inputs, 'sub/deep/file'), 'utf8'), 'deep');
    assert.ok(readFileSync(path.join(inputs, 'large')).equals(Buffer.alloc((1 << 20) + 1, 'large')));
  });

  test('is the same when the same files are staged again', async () => {
    using one = new Tree(FILES);
    using two = new Tree(Object.fromEntries(Object.entries(FILES).reverse()));
    assert.deepEqual((await staged(one)).manifest, (await staged(two)).manifest);
  });
});

describe('bind mounts', () => {
  test('are copied beside, files as files', async () => {
    using tree = new Tree({
      'layer/a': '',
      'shared/x': '1',
      'empty/': '',
      one: { content: '2', mode: 0o600 },
    });
    const { binds, inputs } = await staged(tree, [
      { source: '../shared', target: '/srv/shared' },
      { source: '../empty', target: '/srv/empty' },
      { source: '../one', target: '/etc/one' },
    ]);
    assert.deepEqual(
      binds.map(({ target, type }) => [target, type]),
      [
        ['/srv/shared', 'directory'],
        ['/srv/empty', 'directory'],
        ['/etc/one', 'file'],
      ],
    );
    const [shared, empty, one] = binds.map(({ source }) => source);
    assert.ok(shared && empty && one);
    assert.equal(readFileSync(path.join(shared, 'x'), 'utf8'), '1');
    assert.deepEqual(readdirSync(empty), []);
    assert.equal(readFileSync(one, 'utf8'), '2');
    assert.equal(lstatSync(one).mode & 0o7777, 0o644);
    for (const copy of [shared, empty, one]) {
      assert.equal(lstatSync(copy).mtimeMs, STAGED_TIME * 1000);
      assert.ok(!copy.startsWith(`${inputs}/`), 'not within the layer');
    }
  });

  test('of a link are copies of what it leads to', async () => {
    using tree = new Tree({ 'layer/a': '', real: 'abc', alias: { link: 'real' } });
    const [bind] = (await staged(tree, [{ source: '../alias', target: '/etc/one' }])).binds;
    assert.equal(bind?.type, 'file');
    assert.equal(lstatSync(bind?.source ?? '').isFile(), true);
  });

  test('that are missing are failures', async () => {
    using tree = new Tree({ 'layer/a': '' });
    const failure = failureIn((await stage(tree, [{ source: '../missing', target: '/x' }])).result);
    assert.equal(failure.where?.file, tree.path('layer/build-layer'), 'the script with the hint');
    assert.deepEqual(failure.detail, [`source: ${tree.path('missing')}`]);
  });
});

test('the holes of a sparse file stay holes', async () => {
  using tree = new Tree({ 'layer/disk': '' });
  const file = tree.path('layer/disk');
  const descriptor = openSync(file, 'w');
  writeSync(descriptor, 'in the middle', 20 * 2 ** 20 + 5);
  ftruncateSync(descriptor, 64 * 2 ** 20 + 7);
  closeSync(descriptor);
  const { result, source } = await stage(tree);
  const { inputs, manifest } = valueIn(result);
  const copy = path.join(inputs, 'disk');
  assert.ok(readFileSync(copy).equals(readFileSync(file)));
  assert.equal(manifestText(manifest), await source());
  assert.ok(lstatSync(copy).blocks * 512 <= 2 ** 20, `${lstatSync(copy).blocks} blocks`);
});

test('what cannot be copied is a failure, no crash', async () => {
  using tree = new Tree({ 'layer/a': 'x', staged: 'a file' });
  const layer = layerOf('10_a', { directory: tree.path('layer') });
  assert.equal(
    failureIn(await stageInputs(layer, tree.directory, tree.path('staged'), hasher, SIGNAL)).kind,
    'host',
  );
});

test('an interrupt stops it', async () => {
  using tree = new Tree({ 'layer/a': 'x', 'staged/': '' });
  const layer = layerOf('10_a', { directory: tree.path('layer') });
  const result = await stageInputs(layer, tree.directory, tree.path('staged'), hasher, AbortSignal.abort());
  assert.equal(failureIn(result).kind, 'interrupted');
});

/** A signal that is asked before each copy, and calls `swap` when that is for the first time. */
function signalThat(swap: () => void): AbortSignal {
  const { signal } = new AbortController();
  let asked = 0;
  Object.defineProperty(signal, 'aborted', {
    get() {
      if (asked++ === 0) swap();
      return false;
    },
  });
  return signal;
}

describe('what is replaced between the walk and the copy is not copied', () => {
  for (const [what, swap] of [
    [
      'a directory, by a link to another',
      (tree: Tree) => {
        renameSync(tree.path('layer/dir'), tree.path('gone'));
        symlinkSync(tree.path('outside'), tree.path('layer/dir'));
      },
    ],
    [
      'a file, by a link',
      (tree: Tree) => {
        rmSync(tree.path('layer/dir/file'));
        symlinkSync(tree.path('outside/file'), tree.path('layer/dir/file'));
      },
    ],
    [
      'a file, by a FIFO: nobody would ever write to it',
      (tree: Tree) => {
        rmSync(tree.path('layer/dir/file'));
        execFileSync('mkfifo', [tree.path('layer/dir/file')]);
      },
    ],
  ] as const) {
    test(what, async () => {
      using tree = new Tree({ 'layer/dir/file': 'mine', 'outside/file': 'secret', 'staged/': '' });
      const layer = layerOf('10_a', { directory: tree.path('layer') });
      const signal = signalThat(() => swap(tree));
      const failure = failureIn(
        await stageInputs(layer, tree.directory, tree.path('staged'), hasher, signal),
      );
      assert.equal(failure.message, 'this input changed while vlb was reading it');
      assert.equal(failure.where?.file, tree.path('layer/dir/file'));
      assert.equal(existsSync(tree.path('staged/0/dir/file')), false);
    });
  }
});

test('a file that is written anew and renamed into place, as editors do, is copied as it is now', async () => {
  using tree = new Tree({ 'layer/file': 'old', 'staged/': '' });
  const layer = layerOf('10_a', { directory: tree.path('layer') });
  const signal = signalThat(() => {
    tree.write({ other: 'new' });
    renameSync(tree.path('other'), tree.path('layer/file'));
  });
  const { manifest, inputs } = valueIn(
    await stageInputs(layer, tree.directory, tree.path('staged'), hasher, signal),
  );
  assert.equal(readFileSync(path.join(inputs, 'file'), 'utf8'), 'new');
  const entry = manifest.find((found) => found.path === './file');
  assert.equal(entry?.type === 'file' && entry.hash, hasher.hashBytes(Buffer.from('new')));
});
