// The stat index cannot lie: whatever happens to files and to the index itself, the key is the one of what is there.

import assert from 'node:assert/strict';
import { lstatSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const FILE = 'layers/20_app/file';
const INDEX = '.vlb/stat-index';

/** A project that is built, and whose index vouches for its files: they are old enough. */
async function builtProject(): Promise<TestProject> {
  const project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('cat file sub/deep'),
    [FILE]: 'one\n',
    'layers/20_app/sub/deep': 'deep\n',
  });
  await sleep(2500);
  assert.equal((await project.build()).output, 'one\ndeep');
  return project;
}

/** Builds, and gives what 20_app printed; '' when it did not run. Whatever it is, a build without an index agrees. */
async function output(project: TestProject): Promise<string> {
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  rmSync(project.path(INDEX), { force: true });
  assert.match((await project.build()).outcomes, /^10_base fresh, 20_app fresh$/);
  return built.output;
}

test('a file that is written again with the same size and the same mtime', async () => {
  await using project = await builtProject();
  const { atime, mtime } = lstatSync(project.path(FILE));
  writeFileSync(project.path(FILE), 'two\n');
  utimesSync(project.path(FILE), atime, mtime);
  assert.equal(await output(project), 'two\ndeep');
});

test('a file in whose place another of the same size and mtime is moved', async () => {
  await using project = await builtProject();
  const { atime, mtime } = lstatSync(project.path(FILE));
  project.write({ other: 'two\n' });
  utimesSync(project.path('other'), atime, mtime);
  renameSync(project.path('other'), project.path(FILE));
  assert.equal(await output(project), 'two\ndeep');
});

test('a directory whose mtime is put back after a file was added to it', async () => {
  await using project = await builtProject();
  const directory = project.path('layers/20_app/sub');
  const { atime, mtime } = lstatSync(directory);
  project.write({ 'layers/20_app/sub/new': '' });
  utimesSync(directory, atime, mtime);
  assert.equal(await output(project), 'one\ndeep', 'it ran');
});

test('a file that was edited twice within the tick of a clock, and once with the mtime of the first', async () => {
  await using project = await builtProject();
  for (const text of ['two\n', 'six\n', 'ten\n']) {
    writeFileSync(project.path(FILE), text);
    const [one] = (await project.build()).output.split('\n');
    assert.equal(one, text.trim());
  }
});

test('a clock that was set back: files from the future, edited at the same time of that clock', async () => {
  await using project = await builtProject();
  const future = new Date(Date.now() + 3_600_000);
  for (const text of ['two\n', 'six\n']) {
    writeFileSync(project.path(FILE), text);
    utimesSync(project.path(FILE), future, future);
    await sleep(100);
    const built = await project.build();
    assert.equal(built.output, `${text}deep`, built.told);
  }
  const past = new Date(0);
  writeFileSync(project.path(FILE), 'ten\n');
  utimesSync(project.path(FILE), past, past);
  assert.equal(await output(project), 'ten\ndeep');
});

test('an index that is cut off, damaged, of another project or full of lies', async () => {
  await using project = await builtProject();
  const whole = readFileSync(project.path(INDEX));
  const damaged = Buffer.from(whole);
  // The hash of a file's content, as it stands in the manifest that the index keeps.
  const at = damaged.lastIndexOf('file - ') + 7;
  damaged.write(damaged[at] === 0x30 ? '1' : '0', at);
  for (const content of [
    whole.subarray(0, whole.length >> 1),
    damaged,
    Buffer.alloc(4096),
    Buffer.alloc(0),
  ]) {
    writeFileSync(project.path(INDEX), content);
    assert.match((await project.build()).outcomes, /^10_base fresh, 20_app fresh$/);
  }
  await using other = await builtProject();
  writeFileSync(other.path(FILE), 'two\n');
  writeFileSync(other.path(INDEX), whole);
  assert.equal(await output(other), 'two\ndeep');
});

test('two that write the index at the same time', async () => {
  await using project = await builtProject();
  for (let round = 0; round < 5; round++) {
    writeFileSync(project.path(FILE), `${round}\n`);
    const runs = [project.build(), project.vlb(['plan']), project.vlb(['ls']), project.vlb(['plan'])];
    for (const ended of await Promise.all(runs)) assert.equal(ended.status, 0);
    assert.match((await project.build()).outcomes, /^10_base fresh, 20_app fresh$/);
  }
  writeFileSync(project.path(FILE), 'end\n');
  assert.equal(await output(project), 'end\ndeep');
});
