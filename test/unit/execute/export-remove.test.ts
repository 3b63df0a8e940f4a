// Removing an export: what vlb wrote, and nothing behind a link or beside it.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { targetAt } from '../../../src/execute/export/fresh.ts';
import { parseManifest } from '../../../src/execute/export/manifest.ts';
import { removeExport } from '../../../src/execute/export/remove.ts';
import { ok } from '../../../src/model/failure.ts';
import { Tree, valueIn } from '../../rig/tree.ts';

const PARTS = {
  lock: async () => ({ [Symbol.dispose]: () => {} }),
  removeTree: async (directory: string) => ok(rmSync(directory, { recursive: true, force: true })),
};
const ABOUT = { machine: 'web', format: 'rootfs', key: 'k', vlb: '1', git: null, disks: [] };

function manifestOf(names: readonly string[], tree?: string): string {
  const files = names.map((name) => ({ name, size: 1, sha256: '0'.repeat(64) }));
  return JSON.stringify({
    ...ABOUT,
    files,
    ...(tree === undefined ? {} : { tree: { name: tree, bytes: 1 } }),
  });
}

function remove(tree: Tree) {
  const target = targetAt(tree.path('export/web/rootfs'), tree.path('state'));
  return removeExport(target, PARTS, new AbortController().signal);
}

test('its files and its directory go, those of others stay', async () => {
  using tree = new Tree({
    'export/web/rootfs/manifest.json': manifestOf(['a', 'sub/b'], 'web'),
    'export/web/rootfs/a': 'a',
    'export/web/rootfs/sub/b': 'b',
    'export/web/rootfs/web/etc/passwd': 'root',
    'export/web/rootfs/mine': 'mine',
  });
  valueIn(await remove(tree));
  assert.deepEqual(readdirSync(tree.path('export/web/rootfs')), ['mine']);
  rmSync(tree.path('export/web/rootfs/mine'));
});

test('what a user put elsewhere, with a link in its place, is not touched', async () => {
  using tree = new Tree({
    'elsewhere/web/etc/passwd': 'root',
    'elsewhere/sub/b': 'b',
    'export/web/rootfs/manifest.json': manifestOf(['sub/b'], 'web'),
    'export/web/rootfs/web': { link: '../../../elsewhere/web' },
    'export/web/rootfs/sub': { link: '../../../elsewhere/sub' },
  });
  valueIn(await remove(tree));
  assert.ok(existsSync(tree.path('elsewhere/web/etc/passwd')));
  assert.ok(existsSync(tree.path('elsewhere/sub/b')));
  assert.deepEqual(readdirSync(tree.path('export/web/rootfs')), ['sub']);
});

test('a manifest that names its own directory is none', () => {
  for (const name of ['.', './', 'a/.', './a', 'a//b', '']) {
    assert.equal(parseManifest(manifestOf([name])), undefined, name);
  }
  assert.ok(parseManifest(manifestOf(['blobs/sha256/00'])));
});
