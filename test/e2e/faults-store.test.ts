// Damage to a store and to what a project keeps: no build is ever given what is damaged, and the next one is right without a
// person's help.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers, readFromImage } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { damages, recordsOf } from '../rig/store-truth.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk({ size: '32M' }),
  'layers/20_app/build-layer': buildLayer('echo app > /app'),
  'layers/30_end/build-layer': buildLayer('cat /app > /end'),
  'layers/40_never/build-layer': buildLayer('cat /end > /never', '# nocache'),
};

const STORE = '.vlb/store';

/** The artifact of a layer. */
function artifact(project: TestProject, layer: string): string {
  return path.resolve(project.path('build'), readlinkSync(project.path(`build/${layer}.qcow2`)));
}

function record(project: TestProject, layer: string): string {
  return recordsOf(project.path(STORE), layer)[0] ?? assert.fail(`${layer} has no record`);
}

function flipBit(file: string, at: number): void {
  chmodSync(file, 0o644);
  const descriptor = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, at);
  writeSync(descriptor, Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, at);
  closeSync(descriptor);
}

/** Removes a file and makes a directory with something in it in its place. */
function makeDirectory(file: string): void {
  rmSync(file);
  mkdirSync(file);
  writeFileSync(path.join(file, 'file'), '');
}

/** Artifacts are read-only, for their owner too. */
function cut(file: string, size: number): void {
  chmodSync(file, 0o644);
  truncateSync(file, size);
}

/** By what happens to an artifact. */
const ARTIFACTS: Readonly<Record<string, (file: string, another: string) => void>> = {
  'is truncated': (file) => cut(file, 70_000),
  'is empty': (file) => cut(file, 0),
  'has a flipped bit at its beginning': (file) => flipBit(file, 20),
  'has a flipped bit in its middle': (file) => flipBit(file, Math.floor(statSync(file).size / 2)),
  'has a flipped bit at its end': (file) => flipBit(file, statSync(file).size - 1),
  'is deleted': (file) => rmSync(file),
  'has the bytes of another': (file, another) => {
    rmSync(file);
    copyFileSync(another, file);
  },
  'is another, moved there': (file, another) => {
    execFileSync('cp', ['-p', another, `${file}.new`]);
    // Not even the size tells.
    cut(`${file}.new`, statSync(file).size);
    execFileSync('touch', ['-r', another, `${file}.new`]);
    renameSync(`${file}.new`, file);
  },
  'is a directory': makeDirectory,
};

/** By what happens to a record. */
const RECORDS: Readonly<Record<string, (file: string, another: string) => void>> = {
  'is half written': (file) => truncateSync(file, 100),
  'is empty': (file) => truncateSync(file, 0),
  'is garbage': (file) => writeFileSync(file, Buffer.alloc(4096, 0xa5)),
  'is JSON of another sort': (file) => writeFileSync(file, '[]'),
  'is of another key': (file, another) => copyFileSync(another, file),
  'names an artifact that is not its own': (file, another) => {
    const [own, other] = [file, another].map((name) => JSON.parse(readFileSync(name, 'utf8')));
    writeFileSync(file, JSON.stringify({ ...own, artifact: { ...other.artifact, digest: '0'.repeat(64) } }));
  },
  'is deleted': (file) => rmSync(file),
  'is a directory': makeDirectory,
};

/** By what happens to a project's own notes. */
const NOTES: Readonly<Record<string, (project: TestProject) => void>> = {
  'the stat index is cut off': (project) =>
    truncateSync(
      project.path('.vlb/stat-index'),
      Math.floor(statSync(project.path('.vlb/stat-index')).size / 2),
    ),
  'the stat index has a flipped bit': (project) =>
    flipBit(project.path('.vlb/stat-index'), statSync(project.path('.vlb/stat-index')).size - 5),
  'the last records of the layers are empty': (project) => {
    for (const name of readdirSync(project.path('.vlb/in-place')))
      truncateSync(project.path('.vlb/in-place', name), 0);
  },
  'the links in build/ lead nowhere': (project) => {
    for (const name of readdirSync(project.path('build'))) {
      rmSync(project.path('build', name));
      execFileSync('ln', ['-s', `/nowhere/${'0'.repeat(64)}.qcow2`, project.path('build', name)]);
    }
  },
  'build/ is gone': (project) => rmSync(project.path('build'), { recursive: true }),
  'the store is gone': (project) => rmSync(project.path(STORE), { recursive: true }),
  '.vlb/ is gone': (project) => rmSync(project.path('.vlb'), { recursive: true }),
  'the logs are gone': (project) => rmSync(project.path('.vlb/logs'), { recursive: true }),
};

/** Builds, and checks all that has to be true of a project after a build. */
async function buildsRight(project: TestProject): Promise<void> {
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.deepEqual(damages(project.path(STORE)), []);
  assert.deepEqual(leftovers(project), []);
  const [image, scratch] = [project.path('build/image.qcow2'), path.dirname(project.directory)];
  execFileSync('qemu-img', ['check', '-q', image]);
  assert.equal(readFromImage(image, scratch, '/never'), 'app\n');
}

for (const [what, cases] of [
  ['artifact', ARTIFACTS],
  ['record', RECORDS],
] as const) {
  for (const layer of ['20_app', '40_never']) {
    // No record of it is in the store.
    if (what === 'record' && layer === '40_never') continue;
    test(`the ${what} of ${layer} is damaged`, async (t) => {
      await using project = new TestProject(FILES);
      await buildsRight(project);
      const fileOf = what === 'artifact' ? artifact : record;
      for (const [fault, damage] of Object.entries(cases)) {
        await t.test(`fault: the ${what} of ${layer} ${fault}`, async () => {
          const others = [artifact(project, '10_base'), record(project, '10_base')];
          damage(fileOf(project, layer), fileOf(project, '10_base'));
          await buildsRight(project);
          assert.deepEqual(others.filter(existsSync), others, 'what was built before is still there');
          assert.match((await project.build()).outcomes, /^(\d+_\w+ fresh(, )?){4}$/);
        });
      }
    });
  }
}

test("a project's own notes are damaged", async (t) => {
  await using project = new TestProject(FILES);
  await buildsRight(project);
  for (const [fault, damage] of Object.entries(NOTES)) {
    await t.test(`fault: in what a project keeps, ${fault}`, async () => {
      damage(project);
      await buildsRight(project);
      assert.match((await project.build()).outcomes, /^(\d+_\w+ fresh(, )?){4}$/);
    });
  }
});

test('fault: QEMU was started on an image in build/, and wrote to it', async () => {
  await using project = new TestProject(FILES);
  await buildsRight(project);
  chmodSync(artifact(project, '40_never'), 0o644); // root writes without that
  chmodSync(artifact(project, '30_end'), 0o644);
  for (const name of ['image', '30_end']) {
    execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 2M 64k', project.path(`build/${name}.qcow2`)], {
      stdio: 'pipe',
    });
  }
  await buildsRight(project);
});

test('fault: a registration that a power cut made empty does not give away what its project has in place', async () => {
  await using one = new TestProject(FILES);
  await using two = new TestProject({ 'layers/10_base/modify-disk': tinyDisk({ size: '16M' }) });
  const store = ['--cache-dir', one.path('store')];
  assert.equal((await one.build(store)).status, 0);
  for (const name of readdirSync(one.path('store/projects')))
    truncateSync(one.path('store/projects', name), 0);
  // Nothing to do: it is noted all the same that the project is there.
  assert.match((await one.build(store)).outcomes, /^(\d+_\w+ fresh(, )?){4}$/);
  assert.equal((await two.build(store)).status, 0);
  const collected = await two.vlb([...store, 'cache', 'gc', '--max-size', '0']);
  assert.equal(collected.status, 0, collected.stderr);
  assert.match((await one.build(store)).outcomes, /^(\d+_\w+ fresh(, )?){4}$/);
  execFileSync('qemu-img', ['check', '-q', one.path('build/image.qcow2')]);
});
