// What is watched of a project, and that the watcher tells of it.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadProject } from '../../../src/project/project.ts';
import { type Places, placesOf } from '../../../src/watch/places.ts';
import { openWatcher } from '../../../src/watch/watcher.ts';
import { PLATFORM, Tree } from '../../rig/tree.ts';

const FILES = {
  'p/layers/10_a/build-layer':
    '#!/bin/sh\n# chroot-bind-mount ../../shared/conf /conf\n# chroot-bind-mount ../../../out/there /out\n',
  'p/layers/20_b/build-layer': '#!/bin/sh\n',
  'p/shared/conf': 'x',
  'p/vlb.yaml': 'base: images/base.qcow2\n',
  'p/images/base.qcow2': 'x',
  'out/there/file': 'x',
};

async function placesIn(tree: Tree): Promise<{ places: Places; at: (name: string) => string }> {
  const directory = path.join(tree.directory, 'p');
  const project = await loadProject(directory, PLATFORM);
  assert.ok(project.ok, JSON.stringify(project));
  return { places: placesOf(project.value), at: (name) => path.join(directory, name) };
}

test('inputs, configuration and what may come to be a layer; nothing else', async () => {
  using tree = new Tree(FILES);
  const { places, at } = await placesIn(tree);
  const yes = [
    '.',
    'vlb.yaml',
    '.vlbignore',
    'layers',
    'layers/.vlbignore',
    'layers/10_a/x/y',
    'layers/99_new',
    '50_at_the_root/x',
    'shared',
    'shared/conf',
    'shared/.vlbignore',
    'images/base.qcow2',
    '../out/there/x',
  ];
  const no = [
    '.vlb',
    '.vlb/x',
    'build',
    'build/x',
    '.git',
    'src',
    'shared/other',
    'images/other',
    '../out/x',
    '../p2',
  ];
  assert.deepEqual(
    yes.filter((name) => !places.allows(at(name))),
    [],
  );
  assert.deepEqual(
    no.filter((name) => places.allows(at(name))),
    [],
  );
  assert.deepEqual(
    places.roots,
    [at('.'), at('../out')].map((name) => path.join(name)),
  );
  assert.deepEqual(places.shown, ['layers', 'shared/conf', '../out/there', 'images/base.qcow2', 'vlb.yaml']);
});

test('the files that vlb.yaml includes are watched', async () => {
  using tree = new Tree({
    ...FILES,
    'p/vlb.yaml': 'include: [conf/a.yaml]\n',
    'p/conf/a.yaml': '',
    'p/conf/b.yaml': '',
  });
  const { places, at } = await placesIn(tree);
  assert.ok(places.allows(at('vlb.yaml')) && places.allows(at('conf/a.yaml')));
  assert.ok(!places.allows(at('conf/b.yaml')));
  assert.deepEqual(places.shown.slice(-2), ['vlb.yaml', 'conf/a.yaml']);
});

test('the commit is watched where steps may name it, also that of a worktree', async () => {
  using tree = new Tree({
    'p/layers/10_a/layer.yaml': 'steps: [run: "true"]\n',
    'p/.git': 'gitdir: ../main/.git/worktrees/p\n',
    'main/.git/worktrees/p/commondir': '../..\n',
    'main/.git/worktrees/p/HEAD': 'ref: refs/heads/p\n',
    'main/.git/packed-refs': '',
  });
  const { places, at } = await placesIn(tree);
  const watched = ['worktrees/p/HEAD', 'worktrees/p/logs/HEAD', 'refs/tags/v1', 'packed-refs'];
  const not = ['worktrees/p/index', 'index', 'objects/00', 'refs/heads/main', 'HEAD'];
  const allows = (name: string) => places.allows(at(`../main/.git/${name}`));
  assert.deepEqual(watched.filter(allows), watched);
  assert.deepEqual(not.filter(allows), []);
});

test('what is not there yet is waited for above it', async () => {
  using tree = new Tree(FILES);
  const { at } = await placesIn(tree);
  rmSync(at('shared'), { recursive: true });
  rmSync(at('../out'), { recursive: true });
  const { places } = await placesIn(tree);
  assert.deepEqual(
    places.roots,
    [at('.'), tree.directory].map((name) => path.join(name)),
  );
  assert.ok(places.allows(at('shared')) && places.allows(at('../out')));
  assert.ok(!places.allows(at('../elsewhere')));
});

describe('hints', { concurrency: true }, () => {
  const cases: Readonly<Record<string, (at: (name: string) => string) => void>> = {
    'a write': (at) => writeFileSync(at('layers/10_a/build-layer'), '#!/bin/sh\n'),
    'a mode': (at) => chmodSync(at('layers/20_b/build-layer'), 0o644),
    'a new file in a new directory': (at) => {
      mkdirSync(at('layers/30_c/x/y'), { recursive: true });
      writeFileSync(at('layers/30_c/x/y/z'), '');
    },
    'a rename over a bind mount': (at) => {
      writeFileSync(at('shared/conf.new'), 'y');
      renameSync(at('shared/conf.new'), at('shared/conf'));
    },
    'a layer that is gone': (at) => rmSync(at('layers/20_b'), { recursive: true }),
    'a .vlbignore': (at) => writeFileSync(at('.vlbignore'), 'x'),
    'the base': (at) => writeFileSync(at('images/base.qcow2'), 'y'),
    'a directory outside of the project': (at) => writeFileSync(at('../out/there/new'), 'y'),
    'a link': (at) => symlinkSync('nowhere', at('layers/10_a/link')),
  };
  for (const [what, change] of Object.entries(cases)) {
    test(what, async () => {
      using tree = new Tree(FILES);
      const { places, at } = await placesIn(tree);
      let hints = 0;
      const watcher = await openWatcher(places, () => hints++, assert.fail);
      mkdirSync(at('.vlb/store'), { recursive: true });
      mkdirSync(at('build'), { recursive: true });
      writeFileSync(at('build/image.qcow2'), '');
      writeFileSync(at('images/other'), '');
      await sleep(150);
      assert.equal(hints, 0, 'of what is watched nothing changed');
      change(at);
      await sleep(150);
      assert.notEqual(hints, 0);
      await watcher.close();
    });
  }

  test('a layer, and all layers, behind a link', async () => {
    using tree = new Tree({
      'p/here': '',
      'real/10_a/modify-disk': '#!/bin/sh\n# vlb: from scratch\n',
      'far/20_b/build-layer': '#!/bin/sh\n',
    });
    symlinkSync('../real', tree.path('p/layers'));
    symlinkSync(tree.path('far/20_b'), tree.path('real/20_b'));
    const { places } = await placesIn(tree);
    let hints = 0;
    const watcher = await openWatcher(places, () => hints++, assert.fail);
    for (const file of ['real/10_a/modify-disk', 'real/30_new', 'far/20_b/new']) {
      hints = 0;
      writeFileSync(tree.path(file), 'x');
      await sleep(150);
      assert.notEqual(hints, 0, file);
    }
    await watcher.close();
  });

  test('a directory that went and came back at once is watched on', async () => {
    using tree = new Tree(FILES);
    tree.write({ 'p/layers/20_b/sub/file': '' });
    const { places, at } = await placesIn(tree);
    let hints = 0;
    const watcher = await openWatcher(places, () => hints++, assert.fail);
    rmSync(at('layers/20_b'), { recursive: true });
    tree.write({ 'p/layers/20_b/build-layer': '#!/bin/sh\n', 'p/layers/20_b/sub/file': '' });
    await sleep(600);
    hints = 0;
    writeFileSync(at('layers/20_b/sub/file'), '');
    await sleep(150);
    assert.notEqual(hints, 0);
    await watcher.close();
  });
});
