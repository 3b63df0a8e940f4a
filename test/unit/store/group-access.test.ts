// What is created in a store has the rights of its directory, where a group may write there.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { makeSharedDirectory, shareWithGroup, touchShared } from '../../../src/store/local/group-access.ts';
import { Tree } from '../../rig/tree.ts';

const modeOf = (file: string) => (statSync(file).mode & 0o7777).toString(8);

/** A directory with this mode, and a file and directories that were made in it with a umask of 077. */
function madeIn(mode: number): readonly string[] {
  using tree = new Tree({ 'store/': '' });
  chmodSync(tree.path('store'), mode);
  const umask = process.umask(0o077);
  try {
    writeFileSync(tree.path('store/file'), 'x');
    shareWithGroup(tree.path('store/file'));
    makeSharedDirectory(tree.path('store/a/b'));
  } finally {
    process.umask(umask);
  }
  return ['store/file', 'store/a', 'store/a/b'].map((name) => modeOf(tree.path(name)));
}

test('a directory that a group may write to', () => {
  assert.deepEqual(madeIn(0o2775), ['664', '2775', '2775']);
  assert.deepEqual(madeIn(0o2770), ['660', '2770', '2770']);
  assert.deepEqual(madeIn(0o770), ['660', '770', '770']);
});

test('any other: the umask decides', () => {
  assert.deepEqual(madeIn(0o755), ['600', '700', '700']);
  assert.deepEqual(madeIn(0o700), ['600', '700', '700']);
});

test('a file is touched; what is not there, or is a directory, is no failure', () => {
  using tree = new Tree({ record: '{"a":1}' });
  const file = tree.path('record');
  utimesSync(file, 1000, 1000);
  touchShared(file);
  assert.ok(Date.now() - statSync(file).mtimeMs < 60_000);
  assert.equal(tree.read('record'), '{"a":1}');
  touchShared(tree.path('none'));
  mkdirSync(tree.path('directory'));
  touchShared(tree.path('directory'));
});
