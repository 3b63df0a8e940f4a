// One store and several vlb: garbage collection while builds run or begin, and worktrees that share a store.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Collected } from '../../src/model/ports/store-upkeep.ts';
import { leftovers, readFromImage } from '../rig/host-state.ts';
import { run, TestProject, VLB } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_app/build-layer': buildLayer('echo app > /app'),
  'layers/30_end/build-layer': buildLayer('cat /app > /end'),
};

const ALL = ['cache', 'gc', '--max-size', '0', '--json'];

function chainIsWhole(project: TestProject): void {
  execFileSync('qemu-img', ['check', '-q', project.path('build/image.qcow2')]);
  assert.equal(
    readFromImage(project.path('build/image.qcow2'), path.dirname(project.directory), '/end'),
    'app\n',
  );
}

test('gc under a running build removes nothing that it needs', async () => {
  await using project = new TestProject({
    ...FILES,
    'layers/15_tool/build-layer': buildLayer('echo tool > /tool', '# vlb: from base'),
    'layers/20_app/build-layer': buildLayer('echo app > /app', '# vlb: from base'),
    'layers/30_end/build-layer': buildLayer(
      'sleep 2; cat /app > /end; cat /t/tool',
      '# vlb: from app\n# vlb: mount tool /t',
    ),
  });
  assert.equal((await project.build(['tool', 'app'])).status, 0);
  // Restored, not in place, and not yet in place again while the last layer runs.
  rmSync(project.path('build'), { recursive: true });
  let collecting: Promise<Collected[]> | undefined;
  const collect = async () => {
    assert.deepEqual(readdirSync(project.path('.vlb/store/leases')).length, 1);
    const ended = [await project.vlb(ALL), await project.vlb(['cache', 'clear']), await project.vlb(ALL)];
    assert.deepEqual(
      ended.map(({ status }) => status),
      [0, 0, 0],
    );
    return [ended[0], ended[2]].map((one): Collected => JSON.parse(one?.stdout ?? ''));
  };
  const built = await project.build([], {
    onStdout: (text) => {
      if (text.includes('"layer":"30_end","stage":"run"')) collecting ??= collect();
    },
  });
  assert.equal(built.status, 0, built.told);
  assert.equal(built.outcomes, '10_base restored, 15_tool restored, 20_app restored, 30_end built');
  for (const collected of (await collecting) ?? assert.fail('nothing was collected')) {
    assert.equal(collected.removed.length, 0);
    assert.equal(collected.inUse.count, 3);
  }
  chainIsWhole(project);
  assert.deepEqual(readdirSync(project.path('.vlb/store/leases')), []);
  assert.match((await project.build()).outcomes, /^(\d+_\w+ fresh(, )?){4}$/);
  assert.deepEqual(leftovers(project), []);
});

test('a build that begins while everything is collected finds an entry or makes it again, and never fails', async () => {
  await using project = new TestProject(FILES);
  const seen = new Set<string>();
  for (let round = 0; round < 12; round++) {
    assert.equal((await project.build()).status, 0);
    rmSync(project.path('build'), { recursive: true });
    const [built, collected] = await Promise.all([
      project.build(),
      new Promise((resolve) => setTimeout(resolve, round * 8)).then(() => project.vlb(ALL)),
    ]);
    assert.equal(built.status, 0, built.told);
    assert.equal(collected.status, 0, collected.stderr);
    for (const outcome of built.outcomes.split(', ')) seen.add(outcome.split(' ')[1] ?? '');
    chainIsWhole(project);
  }
  assert.deepEqual(
    [...seen].filter((outcome) => outcome !== 'built' && outcome !== 'restored'),
    [],
  );
  assert.deepEqual(leftovers(project), []);
});

test('a lease dies with its owner', async () => {
  await using project = new TestProject({
    ...FILES,
    'layers/30_end/build-layer': buildLayer('sleep 20'),
  });
  await project.build([], {
    onStdout: (text, kill) => text.includes('"layer":"30_end","stage":"run"') && kill('SIGKILL'),
  });
  assert.equal(readdirSync(project.path('.vlb/store/leases')).length, 1);
  rmSync(project.path('build'), { recursive: true, force: true });
  const { removed }: Collected = JSON.parse((await project.vlb(ALL)).stdout);
  assert.equal(removed.length, 2);
  assert.deepEqual(readdirSync(project.path('.vlb/store/leases')), []);
});

test('two git worktrees share a store, and gc from one does not break the other', async () => {
  await using project = new TestProject(FILES);
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      cwd: project.directory,
      stdio: 'ignore',
    });
  git('init', '-q');
  git('add', '.');
  git('commit', '-qm', 'layers');
  const worktree = path.join(path.dirname(project.directory), 'worktree');
  git('worktree', 'add', worktree);
  const store = path.join(path.dirname(project.directory), 'store');
  const vlb = (directory: string, ...args: string[]) =>
    run(VLB, ['-C', directory, '--cache-dir', store, ...args], { cwd: '/' });

  const first = await vlb(project.directory, 'build');
  assert.match(first.stderr, /3 built, 0 restored/);
  const second = await vlb(worktree, 'build');
  assert.match(second.stderr, /0 built, 3 restored/);

  // The worktree goes another way, and collects: what the project has in place stays.
  project.write({ '../worktree/layers/20_app/build-layer': buildLayer('echo other > /app') });
  assert.match((await vlb(worktree, 'build')).stderr, /2 built, 0 restored, 1 fresh/);
  for (const name of readdirSync(path.join(store, 'keys'))) utimesSync(path.join(store, 'keys', name), 1, 1);
  const kept: Collected = JSON.parse((await vlb(worktree, ...ALL)).stdout);
  assert.deepEqual([kept.removed.length, kept.inUse.count], [0, 5]);
  chainIsWhole(project);
  assert.match((await vlb(project.directory, 'build')).stderr, /0 built, 0 restored, 3 fresh/);

  // A project that was moved is known again with its next build, even with one that has nothing to do.
  const moved = `${project.directory}-moved`;
  renameSync(project.directory, moved);
  assert.match((await vlb(moved, 'build')).stderr, /0 built, 0 restored, 3 fresh/);
  assert.equal((JSON.parse((await vlb(worktree, ...ALL)).stdout) as Collected).removed.length, 0);
  renameSync(moved, project.directory);

  // A worktree that is gone holds nothing any more.
  git('worktree', 'remove', '--force', worktree);
  const { removed }: Collected = JSON.parse((await vlb(project.directory, ...ALL)).stdout);
  assert.deepEqual(
    removed.map(({ layer }) => layer),
    ['30_end', '20_app'],
  );
  assert.match((await vlb(project.directory, 'build')).stderr, /0 built, 0 restored, 3 fresh/);
  chainIsWhole(project);
});

test('clear from one worktree says that it took from the other, whose next build makes it again', async () => {
  await using one = new TestProject(FILES);
  await using two = new TestProject(FILES);
  const store = ['--cache-dir', one.path('store')];
  assert.equal((await one.build(store)).status, 0);
  assert.equal((await two.build(store)).status, 0);
  const cleared = await one.vlb([...store, 'cache', 'clear']);
  assert.ok(cleared.stdout.includes(`note: build/ of ${two.directory} has broken links now`), cleared.stdout);
  assert.equal(existsSync(two.path('build/image.qcow2')), false, 'a link that leads nowhere');
  assert.ok(readlinkSync(two.path('build/image.qcow2')));
  const again = await two.build(store);
  assert.equal(again.outcomes, '10_base built, 20_app built, 30_end built', again.told);
  chainIsWhole(two);
});

test('what a nocache layer made stays while another project that shares the store stands on the same bytes', async () => {
  const files = {
    'layers/10_base/modify-disk':
      '#!/bin/sh\n# vlb: from scratch\n# nocache\n# vlb: disk-size 8M\nprintf same >"$3"\n',
  };
  await using one = new TestProject(files);
  await using two = new TestProject(files);
  const store = ['--cache-dir', one.path('store')];
  assert.equal((await one.build(store)).status, 0);
  assert.equal((await two.build(store)).status, 0);
  assert.equal(readdirSync(one.path('store/sha256')).length, 1, 'the same bytes');
  one.write({ 'layers/10_base/modify-disk': `${files['layers/10_base/modify-disk']}printf other >"$3"\n` });
  assert.equal((await one.build(store)).outcomes, '10_base built');
  execFileSync('qemu-img', ['check', '-q', two.path('build/image.qcow2')]);
  assert.equal((await two.build(store)).outcomes, '10_base fresh');
  assert.ok(readFileSync(two.path('.vlb/in-place/10_base.json'), 'utf8').includes('uncached'));
});
