// Branches of a git repository: switching between them costs no build.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers, readFromImage } from '../rig/host-state.ts';
import { type Built, TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const CACHED = ['10_base', '20_app', '30_data'];

/** Four layers, the last of them nocache; branches a and b differ in the second. */
function repository(): TestProject {
  const project = new TestProject({
    '.gitignore': 'build/\n.vlb/\n',
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(
      'cp branch /branch; dd if=/dev/urandom of=/id bs=16 count=1 2>/dev/null',
    ),
    'layers/20_app/branch': 'a\n',
    'layers/30_data/build-layer': buildLayer('cp /branch /data'),
    'layers/40_stamp/build-layer': buildLayer('cp /data /stamp', '# nocache'),
  });
  project.git('init', '-q', '-b', 'a');
  project.git('add', '.');
  project.git('commit', '-qm', 'a');
  project.git('switch', '-qc', 'b');
  project.write({ 'layers/20_app/branch': 'b\n' });
  project.git('commit', '-qam', 'b');
  return project;
}

function scriptsRun(built: Built): string[] {
  return built.events.flatMap((event) =>
    event.type === 'layer-stage' && event.stage === 'run' ? [event.layer] : [],
  );
}

function assertHolds(directory: string, branch: string): void {
  const image = path.join(directory, 'build/image.qcow2');
  const scratch = path.dirname(directory);
  for (const file of ['/branch', '/data', '/stamp']) {
    assert.equal(readFromImage(image, scratch, file), `${branch}\n`, `${file} on ${branch}`);
  }
  execFileSync('qemu-img', ['check', '-q', image]);
}

test('from the second visit on, no cached layer of a branch runs', async () => {
  await using project = repository();
  for (const [visit, branch] of ['a', 'b', 'a', 'b', 'a'].entries()) {
    project.git('switch', '-q', branch);
    const built = await project.build();
    assert.equal(built.status, 0, built.told);
    const ran = scriptsRun(built);
    if (visit === 0) assert.deepEqual(ran, [...CACHED, '40_stamp']);
    else if (visit === 1) assert.deepEqual(ran, ['20_app', '30_data', '40_stamp']);
    else assert.deepEqual(ran, ['40_stamp'], built.told);
    assertHolds(project.directory, branch);
    assert.deepEqual(scriptsRun(await project.build()), []);
  }
  assert.equal(project.git('status', '--porcelain'), '', 'vlb changes nothing that git sees');
  assert.deepEqual(leftovers(project), []);
});

test('a second worktree with the same store runs what is nocache alone', async () => {
  await using project = repository();
  const store = path.join(path.dirname(project.directory), 'store');
  const other = path.join(path.dirname(project.directory), 'other');
  for (const branch of ['a', 'b']) {
    project.git('switch', '-q', branch);
    assert.equal((await project.build(['--cache-dir', store])).status, 0);
  }
  project.git('worktree', 'add', '-q', other, 'a');
  for (const branch of ['a', 'b', 'a']) {
    execFileSync('git', ['switch', '-q', '--ignore-other-worktrees', branch], { cwd: other });
    const built = await project.build(['-C', other, '--cache-dir', store]);
    assert.equal(built.status, 0, built.told);
    assert.deepEqual(scriptsRun(built), ['40_stamp'], built.told);
    assertHolds(other, branch);
  }
  // What the one made without a record is not what the other stands on.
  const own = await project.build(['--cache-dir', store]);
  assert.deepEqual(scriptsRun(own), [], own.told);
  assertHolds(project.directory, 'b');
});
