// State and stores of a newer vlb are refused by name; those without a version are of version 1.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { openWorkspace } from '../../../src/compose.ts';
import type { Emit } from '../../../src/model/event.ts';
import { DEFAULT_LIMITS } from '../../../src/model/ports/store-upkeep.ts';
import { failureIn, PLATFORM, Tree, valueIn } from '../../rig/tree.ts';

const SIGNAL = new AbortController().signal;
const QUIET: Emit = () => {};

function open(tree: Tree) {
  const directory = tree.path('p');
  return openWorkspace({ directory }, { variables: {}, directory, platform: PLATFORM });
}

test('the state of a newer vlb', async () => {
  using tree = new Tree({ 'p/layers/10_a/build-layer': '#!/bin/sh\n', 'p/.vlb/version': '2\n' });
  assert.deepEqual(failureIn(await open(tree).load()), {
    kind: 'host',
    message: '.vlb/ was written by a newer vlb (state version 2; this one knows 1)',
    where: { file: tree.path('p/.vlb') },
    hint: 'use that vlb, or remove .vlb/ with its logs, saved failed disks and, unless it is elsewhere, the store',
  });
});

for (const [what, version] of [
  ['of this version', '1\n'],
  ['without a version', undefined],
  ['with an empty version, as a power cut leaves one', ''],
  ['with a version that is not a number', 'x'],
] as const) {
  test(`state ${what} is read`, async () => {
    using tree = new Tree({ 'p/layers/10_a/build-layer': '#!/bin/sh\n', 'p/.vlb/': '' });
    if (version !== undefined) tree.write({ 'p/.vlb/version': version });
    valueIn(await open(tree).load());
  });
}

test('the version is written by the first build, and not by looking', async () => {
  using tree = new Tree({ 'p/layers/10_a/build-layer': '#!/bin/sh\n' });
  const workspace = open(tree);
  valueIn(await workspace.load());
  assert.equal(existsSync(tree.path('p/.vlb')), false);
  valueIn(await workspace.lock(QUIET, SIGNAL))[Symbol.dispose]();
  assert.equal(tree.read('p/.vlb/version'), '1\n');
});

test('the store of a newer vlb: nothing reads or removes anything', async () => {
  using tree = new Tree({ 'p/.vlb/store/version': '7\n' });
  const { parts, paths } = open(tree);
  const expected = {
    kind: 'host',
    message: 'the store was written by a newer vlb (store version 7; this one knows 1)',
    where: { file: tree.path('p/.vlb/store') },
    hint: 'use that vlb, or another store: --cache-dir DIR',
  };
  assert.deepEqual(failureIn(parts.openStore(paths, DEFAULT_LIMITS, QUIET)), expected);
  const upkeep = await parts.openStoreUpkeep(paths, SIGNAL);
  assert.deepEqual(failureIn(await upkeep.clear()), expected);
  assert.deepEqual(failureIn(await upkeep.collect(DEFAULT_LIMITS, { dryRun: false })), expected);
});

test('the version of a store is written with its first draft', async () => {
  using tree = new Tree({ 'p/': '' });
  const { parts, paths } = open(tree);
  const store = valueIn(parts.openStore(paths, DEFAULT_LIMITS, QUIET));
  assert.equal(existsSync(tree.path('p/.vlb')), false);
  await using _draft = valueIn(await store.draft());
  assert.equal(tree.read('p/.vlb/store/version'), '1\n');
});
