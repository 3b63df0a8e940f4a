// A whole project, and where it keeps things.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadProject, projectPaths } from '../../../src/project/project.ts';
import { failureIn, PLATFORM, Tree, valueIn } from '../../rig/tree.ts';

const LAYER = { 'layers/10_base/build-layer': '#!/bin/sh\n' };

test('a project is its layers and its base', async () => {
  using tree = new Tree({ ...LAYER, 'vlb.yaml': 'base: base.qcow2\n' });
  const project = valueIn(await loadProject(tree.directory, PLATFORM));
  assert.equal(project.directory, tree.directory);
  assert.deepEqual(
    project.layers.map(({ name }) => name),
    ['10_base'],
  );
  assert.deepEqual([...project.bases], [['base', { type: 'file', path: tree.path('base.qcow2') }]]);
});

test('all but the layers is optional', async () => {
  using tree = new Tree(LAYER);
  const project = valueIn(await loadProject(tree.directory, PLATFORM));
  assert.equal(project.bases.size, 0);
});

test('what is wrong with the configuration or with a layer is wrong with the project', async () => {
  using tree = new Tree({ ...LAYER, 'vlb.yaml': 'bse: x\n' });
  assert.match(failureIn(await loadProject(tree.directory, PLATFORM)).message, /vlb\.yaml/);
  using empty = new Tree();
  assert.match(failureIn(await loadProject(empty.directory, PLATFORM)).message, /^no layers found$/);
});

test('a cache directory moves the store and nothing else', () => {
  const own = projectPaths('/p');
  const moved = projectPaths('/p', '/cache');
  assert.equal(own.store, '/p/.vlb/store');
  assert.deepEqual(moved, { ...own, store: '/cache' });
  for (const directory of Object.values(own)) assert.match(directory, /^\/p(\/|$)/);
});
