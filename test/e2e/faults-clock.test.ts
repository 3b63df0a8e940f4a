// Clocks that jump: vlb's own is years off for one build, or files are from the future. What is compared with a clock is never
// what makes a build right.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers, readFromImage } from '../rig/host-state.ts';
import { Built, run, TestProject, VLB } from '../rig/project.ts';
import { damages } from '../rig/store-truth.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk({ size: '16M' }),
  'layers/20_app/build-layer': buildLayer('cat /mnt/version > /app'),
  'layers/20_app/version': 'one\n',
};

/** Builds with a clock that is so far off, `+10y`. */
async function buildAt(project: TestProject, offset: string): Promise<Built> {
  const argv = ['-m', '-f', offset, VLB, 'build', '--progress', 'json'];
  // The time since a process began goes on as ever when a clock is set.
  const env = { FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  const built = new Built(await run('faketime', argv, { cwd: project.directory, env }));
  assert.equal(built.status, 0, built.told);
  return built;
}

function assertRight(project: TestProject, version: string): void {
  const scratch = path.dirname(project.directory);
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/app'), version);
  assert.deepEqual(damages(project.path('.vlb/store')), []);
  assert.deepEqual(leftovers(project), []);
}

for (const offset of ['+10y', '-10y', '+90s', '-90s']) {
  test(`fault: the clock is off by ${offset} for one build`, async () => {
    await using project = new TestProject(FILES);
    assert.equal((await project.build()).status, 0);
    const keys = project.path('.vlb/store/keys');
    const uses = () =>
      new Map(readdirSync(keys).map((name) => [name, statSync(path.join(keys, name)).mtimeMs] as const));
    const before = uses();

    project.write({ 'layers/20_app/version': 'two\n' });
    assert.equal((await buildAt(project, offset)).outcomes, '10_base fresh, 20_app built');
    assertRight(project, 'two\n');
    const { created } = JSON.parse(readFileSync(project.path('.vlb/in-place/20_app.json'), 'utf8'));
    assert.ok(Math.abs(Date.now() - Date.parse(created)) > 60_000, `${created} is off`);
    for (const [name, used] of uses()) {
      assert.ok(used >= (before.get(name) ?? 0), `the use of ${name} is not set back`);
    }

    assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh');
    project.write({ 'layers/20_app/version': 'six\n' });
    assert.equal((await project.build()).outcomes, '10_base fresh, 20_app built');
    assertRight(project, 'six\n');
    project.write({ 'layers/20_app/version': 'two\n' });
    assert.match((await project.build()).outcomes, /^10_base fresh, 20_app (built|restored)$/);
    assertRight(project, 'two\n');
    // What is in place is never too old.
    assert.equal((await buildAt(project, offset)).outcomes, '10_base fresh, 20_app fresh');
    assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh');
  });
}

test('fault: an input is from the future, or its time is set back after a change', async () => {
  await using project = new TestProject(FILES);
  const file = project.path('layers/20_app/version');
  const future = new Date(Date.now() + 10 * 365 * 86_400_000);
  utimesSync(file, future, future);
  assert.equal((await project.build()).status, 0);
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh');
  for (const version of ['two\n', 'six\n']) {
    // The same size and the same time.
    project.write({ 'layers/20_app/version': version });
    utimesSync(file, future, future);
    assert.equal((await project.build()).outcomes, '10_base fresh, 20_app built');
    assertRight(project, version);
  }
});

test('fault: the whole store is from the future, or from 1970', async () => {
  await using project = new TestProject(FILES);
  assert.equal((await project.build()).status, 0);
  for (const date of ['2040-01-01', '1970-01-02']) {
    execFileSync('find', [project.path('.vlb'), '-exec', 'touch', '-h', '-d', date, '{}', '+']);
    assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh');
    project.write({ 'layers/20_app/version': `${date}\n` });
    assert.equal((await project.build()).outcomes, '10_base fresh, 20_app built');
    assertRight(project, `${date}\n`);
  }
});
