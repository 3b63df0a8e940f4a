// A full disk is told for what it is, and nothing else is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainFullDisk } from '../../../../src/execute/run/space.ts';
import { type Failure, fail } from '../../../../src/model/failure.ts';
import type { Store } from '../../../../src/model/ports/store.ts';
import { projectPaths } from '../../../../src/project/project.ts';
import { Tree } from '../../../rig/tree.ts';

const FAILURE: Failure = fail('work', 'layer 20_app: build-layer failed with exit status 1', {
  where: { file: '/p/layers/20_app/build-layer' },
  detail: ['cp: error writing: Input/output error'],
  log: '/p/.vlb/logs/20_app.log',
}).failure;

async function never(): Promise<never> {
  throw new Error('only the directory is looked at');
}

function explain(artifactDirectory: string, state: string): Failure {
  const store: Store = {
    artifactDirectory,
    lookup: never,
    read: () => assert.fail('only the directory is looked at'),
    has: never,
    lock: never,
    recordsLike: never,
    logOf: () => '',
    forget: never,
    draft: never,
    lease: never,
    examine: never,
    chain: () => assert.fail('only the directory is looked at'),
    noteUse: () => {},
    release: () => {},
    evict: never,
    drop: never,
  };
  return explainFullDisk(FAILURE, { store, paths: { ...projectPaths('/p'), state } });
}

/** A file system that has no room by its nature: it is mounted wherever there is Linux. */
const FULL = '/proc';

test('with room on both disks a failure is what it was', () => {
  using tree = new Tree();
  assert.deepEqual(explain(tree.directory, tree.directory), FAILURE);
});

test('without room on either it is the cause; what failed, its output and its log are kept', () => {
  using tree = new Tree();
  for (const [store, state] of [
    [FULL, tree.directory],
    [tree.directory, FULL],
  ] as const) {
    const { message, hint, ...failure } = explain(store, state);
    assert.match(message, /^no space left on the disk; layer 20_app: build-layer failed/);
    assert.match(hint ?? '', /--cache-dir/);
    assert.deepEqual(failure, {
      kind: 'host',
      where: { file: FULL },
      detail: FAILURE.detail,
      log: FAILURE.log,
    });
  }
});

test('a directory that is not there yet, or not any more, explains nothing and is no crash', () => {
  using tree = new Tree();
  assert.deepEqual(explain(tree.directory, tree.path('missing')), FAILURE);
  assert.deepEqual(explain(tree.path('missing'), tree.directory), FAILURE);
});
