// vlb watch on real disks and in a real git repository: the image ends as a clean build makes it, by as few scripts as can be.

import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFromImage } from '../rig/host-state.ts';
import type { TestProject } from '../rig/project.ts';
import { buildLayer } from '../rig/tiny.ts';
import { add, assertAsBuilt, repository, SLOW_APP } from '../rig/watch-project.ts';
import { Watching } from '../rig/watching.ts';

/** A machine that stalls for longer than vlb waits for quiet cuts a burst in two, for good reason: then another is tried. */
const ATTEMPTS = 5;

async function oneRunForABurst(project: TestProject, watching: Watching): Promise<void> {
  const runs: string[][] = [];
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const before = watching.runs.length;
    for (let edit = 0; edit < 40; edit++) {
      const name = `${attempt}-${edit}`;
      project.write({ 'layers/30_data/input': `edit ${name}\n`, [`layers/30_data/more/${name}`]: 'x\n' });
      await sleep(25);
    }
    await watching.waiting();
    runs.push(watching.runs.slice(before));
    if (runs.at(-1)?.join() === '30_data') return;
    await sleep(2000); // What a cut burst left to be done is done.
  }
  assert.fail(`no burst of ${ATTEMPTS} led to one run: ${JSON.stringify(runs)}`);
}

test('a commit runs the steps that name it, and nothing else', async () => {
  await using project = repository({
    'layers/40_version/layer.yaml': 'steps:\n  - write: { path: /version, content: "{{ git.commit }}" }\n',
  });
  await using watching = new Watching(project);
  await watching.waiting();
  project.git('commit', '-q', '--allow-empty', '-m', 'two');
  await watching.waiting();
  assert.deepEqual(watching.runs, ['10_base', '20_app', '30_data', '40_version', '40_version']);
  const version = readFromImage(
    project.path('build/image.qcow2'),
    path.dirname(project.directory),
    '/version',
  );
  assert.equal(version, project.git('rev-parse', 'HEAD').trim());
});

test('edits in bursts lead to one run', async () => {
  await using project = repository();
  await using watching = new Watching(project);
  await watching.waiting();
  assert.deepEqual(watching.runs, ['10_base', '20_app', '30_data']);
  await oneRunForABurst(project, watching);
  const ran = watching.runs.length;
  const built = watching.built.length;
  // Bursts while it runs: what is under way is of no use, and then what follows it is, each time.
  project.write({ 'layers/30_data/input': 'slow\n' });
  await watching.running('30_data', ran - 1); // All but 10_base and 20_app were runs of 30_data.
  project.write({ 'layers/30_data/input': 'last\n' });
  await watching.waiting();
  assert.deepEqual(watching.runs.slice(ran), ['30_data', '30_data']);
  assert.deepEqual(watching.built.slice(built), ['30_data']);
  assert.equal(await watching.end(), 130);
  await assertAsBuilt(project);
});

test('what does not change what a layer is built from leads to nothing', async () => {
  await using project = repository();
  await using watching = new Watching(project);
  await watching.waiting();
  const told = watching.events.length;
  project.write({
    'layers/20_app/input': 'one\n',
    'layers/20_app/.input.swp': 'x',
    'layers/20_app/input~': 'x',
    'elsewhere/file': 'x',
    'build/file': 'x',
    '.vlb/file': 'x',
  });
  await sleep(1000);
  assert.equal(watching.events.length, told, watching.stdout);
});

test('an edit below what runs stops the run; one above it waits for its end', async () => {
  await using project = repository(SLOW_APP);
  await using watching = new Watching(project);
  await watching.running('20_app');
  project.write({ 'layers/30_data/input': 'two\n' });
  await watching.waiting();
  assert.deepEqual(watching.runs, ['10_base', '20_app', '30_data']);
  project.write({ 'layers/30_data/input': 'slow\n' });
  await watching.running('30_data', 2);
  project.write({ 'layers/20_app/input': 'three\n' });
  await watching.waiting();
  assert.deepEqual(watching.runs.slice(3), ['30_data', '20_app', '30_data']);
  await assertAsBuilt(project);
});

test('of two layers that run at the same time, only the one that was edited begins again', async () => {
  await using project = repository({ ...SLOW_APP, 'layers/30_data/input': 'slow\n' });
  project.write({ 'layers/30_data/build-layer': buildLayer(add('data'), '# vlb: from base') });
  await using watching = new Watching(project, ['--jobs', '2']);
  await watching.running('20_app');
  await watching.running('30_data');
  project.write({ 'layers/20_app/input': 'two\n' });
  await watching.waiting();
  assert.deepEqual(watching.runs.toSorted(), ['10_base', '20_app', '20_app', '30_data']);
  assert.deepEqual(watching.built.toSorted(), ['10_base', '20_app', '30_data']);
  await assertAsBuilt(project);
});

test('an edit that is taken back leads to no run, and to none that is stopped', async () => {
  await using project = repository(SLOW_APP);
  await using watching = new Watching(project);
  await watching.running('20_app');
  project.write({ 'layers/20_app/input': 'two\n' });
  await sleep(50);
  project.write({ 'layers/20_app/input': 'slow\n' });
  await watching.waiting();
  assert.deepEqual(watching.runs, ['10_base', '20_app', '30_data']);
  await assertAsBuilt(project);
});

test('git switch in the middle of a run, and back', async () => {
  await using project = repository(SLOW_APP);
  project.git('switch', '-qc', 'two');
  const many = Object.fromEntries([...Array(500).keys()].map((n) => [`layers/30_data/many/${n}`, `${n}\n`]));
  project.write({ ...many, 'layers/20_app/input': 'two\n' });
  project.git('add', '.');
  project.git('commit', '-qm', 'two');
  project.git('switch', '-q', 'one');
  await using watching = new Watching(project);
  await watching.running('20_app');
  project.git('switch', '-q', 'two');
  await watching.waiting();
  assert.deepEqual(watching.runs, ['10_base', '20_app', '20_app', '30_data']);
  await assertAsBuilt(project);
  // What was stopped runs now for the first time to its end.
  project.git('switch', '-q', 'one');
  await watching.waiting();
  assert.deepEqual(watching.runs.slice(4), ['20_app', '30_data']);
  // From now on both are known.
  for (const branch of ['two', 'one', 'two']) {
    project.git('switch', '-q', branch);
    await watching.waiting();
    assert.equal(watching.runs.length, 6, watching.stdout);
    assert.equal(watching.finished?.counts.restored, 2);
  }
  assert.equal(project.git('status', '--porcelain'), '');
  await assertAsBuilt(project);
});

test('git switch to and fro in the middle of a run does not stop it', async () => {
  await using project = repository(SLOW_APP);
  project.git('switch', '-qc', 'two');
  project.write({ 'layers/20_app/input': 'two\n' });
  project.git('commit', '-qam', 'two');
  project.git('switch', '-q', 'one');
  await using watching = new Watching(project);
  await watching.running('20_app');
  project.git('switch', '-q', 'two');
  project.git('switch', '-q', 'one');
  await watching.waiting();
  assert.deepEqual(watching.runs, ['10_base', '20_app', '30_data']);
  await assertAsBuilt(project);
});

test('a layer that git takes away and brings back at once is watched on', async () => {
  await using project = repository();
  project.git('switch', '-qc', 'without');
  project.git('rm', '-qr', 'layers/30_data');
  project.git('commit', '-qm', 'without');
  project.git('switch', '-q', 'one');
  await using watching = new Watching(project);
  await watching.waiting();
  project.git('switch', '-q', 'without');
  project.git('switch', '-q', 'one');
  await sleep(1000);
  assert.equal(watching.runs.length, 3);
  project.write({ 'layers/30_data/input': 'two\n' });
  await watching.waiting();
  assert.deepEqual(watching.runs.slice(3), ['30_data']);
  await assertAsBuilt(project);
});

test("editors' ways to save: by renaming, and by a backup", async () => {
  await using project = repository();
  await using watching = new Watching(project);
  await watching.waiting();
  for (const [times, input] of ['two', 'three', 'four'].entries()) {
    const file = project.path('layers/30_data/input');
    if (times === 1) {
      writeFileSync(`${file}~`, 'backup');
      writeFileSync(project.path('layers/30_data/4913'), '');
      rmSync(project.path('layers/30_data/4913'));
      renameSync(file, `${file}~`);
      writeFileSync(file, `${input}\n`);
      rmSync(`${file}~`);
    } else {
      writeFileSync(`${file}.new`, `${input}\n`);
      renameSync(`${file}.new`, file);
    }
    await watching.waiting();
    assert.equal(watching.runs.length, 4 + times, watching.stdout);
  }
  await assertAsBuilt(project);
});

test('layers that are renamed, deleted and new', async () => {
  await using project = repository(SLOW_APP);
  await using watching = new Watching(project);
  // Renamed while it runs: what comes of it is taken under the new name.
  await watching.running('20_app');
  renameSync(project.path('layers/20_app'), project.path('layers/25_web'));
  await watching.waiting();
  assert.deepEqual(watching.runs, ['10_base', '20_app', '30_data']);
  await assertAsBuilt(project);
  renameSync(project.path('layers/25_web'), project.path('layers/22_site'));
  await watching.waiting();
  assert.equal(watching.runs.length, 3, watching.stdout);
  // The directory is watched under its new name.
  project.write({ 'layers/22_site/input': 'two\n' });
  await watching.waiting();
  assert.deepEqual(watching.runs.slice(3), ['22_site', '30_data']);
  rmSync(project.path('layers/30_data'), { recursive: true });
  await watching.waiting();
  assert.equal(watching.runs.length, 5, watching.stdout);
  await assertAsBuilt(project);
  project.write({
    'layers/40_new/input': 'new\n',
    'layers/40_new/build-layer': buildLayer(add('new')),
  });
  await watching.waiting();
  assert.deepEqual(watching.runs.slice(5), ['40_new']);
  // Deleted while it runs: it is of no use.
  project.write({ 'layers/40_new/build-layer': buildLayer('sleep 20') });
  await watching.running('40_new', 2);
  rmSync(project.path('layers/40_new'), { recursive: true });
  await watching.waiting();
  assert.equal(watching.runs.length, 7, watching.stdout);
  await assertAsBuilt(project);
});

test('hints decide what is watched', async () => {
  await using project = repository();
  project.write({ 'shared/one': '1\n', 'shared/two': '2\n' });
  await using watching = new Watching(project);
  await watching.waiting();
  project.write({ 'shared/one': '1b\n' });
  await sleep(500);
  assert.equal(watching.runs.length, 3);
  project.write({
    'layers/30_data/build-layer': buildLayer(
      'cat /shared/* > /chain',
      '# chroot-bind-mount ../../shared /shared',
    ),
  });
  await watching.waiting();
  project.write({ 'shared/two': '2b\n' });
  await watching.waiting();
  project.write({ '.vlbignore': 'shared/two\n' });
  await watching.waiting();
  assert.deepEqual(watching.runs.slice(3), ['30_data', '30_data', '30_data']);
  project.write({ 'shared/two': '2c\n' });
  await sleep(500);
  assert.equal(watching.runs.length, 6);
  project.write({ 'vlb.yaml': 'images:\n  web: 20_app\n' });
  await watching.waiting();
  assert.equal(watching.runs.length, 6);
  assert.equal(watching.finished?.images?.length, 1);
});

test('the files that vlb.yaml includes, and one that is missing yet', async () => {
  await using project = repository();
  await using watching = new Watching(project);
  await watching.waiting();
  project.write({ 'vlb.yaml': 'include: [conf/images.yaml]\n' });
  await watching.waiting();
  assert.match(watching.stderr, /conf\/images\.yaml does not exist\n {2}at vlb\.yaml:1/);
  project.write({ 'conf/images.yaml': 'images: { web: 20_app }\n' });
  await watching.waiting();
  const images = () => watching.finished?.images?.map(({ file }) => file);
  assert.deepEqual(images(), ['build/web.qcow2']);
  project.write({ 'conf/images.yaml': 'images: { web: 20_app, data: 30_data }\n' });
  await watching.waiting();
  assert.deepEqual(images(), ['build/web.qcow2', 'build/data.qcow2']);
  assert.equal(watching.runs.length, 3);
});
