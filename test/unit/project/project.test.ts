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

test('what looks like a part of a project and is not read is noted', async () => {
  const script = '#!/bin/sh\n';
  using tree = new Tree({
    ...LAYER,
    'layers/20_app/build-layer': `${script}set -eu\n# nocache\n`,
    ...{
      'layers/6_x/build-layer': script,
      'layers/06-x/modify-disk': script,
      'layers/app/build-layer': script,
    },
    ...{ '7_y/build-layer': script, 'tools/build-layer': script, '8_notes/x': '', 'layers/9_notes/x': '' },
    ...{ 'layers/_off/build-layer': script, 'vlb.yml': '', '.vlb.yaml': '', 'VLB.YAML': '', 'vlb.yaml': '' },
  });
  const { notes } = valueIn(await loadProject(tree.directory, PLATFORM));
  const like = (name: string, kind = 'build-layer') =>
    `not a layer, although it has a ${kind}: the name of a layer begins with two digits and "_", like ${name}`;
  const config = 'not read: the configuration of a project is vlb.yaml';
  assert.deepEqual(
    notes.map(({ file, line, message }) => [file.slice(tree.directory.length + 1), line, message]),
    [
      ['.vlb.yaml', undefined, config],
      ['VLB.YAML', undefined, config],
      ['vlb.yml', undefined, config],
      ['layers/06-x', undefined, like('06_x', 'modify-disk')],
      ['layers/6_x', undefined, like('06_x')],
      ['layers/app', undefined, like('10_app')],
      ['7_y', undefined, like('07_y')],
      [
        'layers/20_app/build-layer',
        3,
        'the hint nocache is below the first command: move it to the top of the script',
      ],
    ],
  );
  using alone = new Tree({ 'layers/6_x/build-layer': script });
  const failure = failureIn(await loadProject(alone.directory, PLATFORM));
  assert.deepEqual(failure.detail, [`layers/6_x: ${like('06_x')}`]);
});
