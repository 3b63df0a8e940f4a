// What a delta holds: what the script changed, and not what it wrote and removed again, nor the file system's journal.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { checkFileSystem, leftovers, readFromImage } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk, tinyDiskWithoutTable } from '../rig/tiny.ts';

const MB = 1_000_000;
/** What every delta of such a disk takes: tables, and the file system's own books. */
const LITTLE = 8 * MB;

const BIG = tinyDisk({
  size: '2G',
  more: `mkdir "$root/more"
head -c 100000000 /dev/urandom | split -b 20000 -a 4 - "$root/more/"`,
});

function sizeOf(project: TestProject, layer: string): number {
  return statSync(project.path(`build/${layer}.qcow2`)).size;
}

test('what a script writes and removes again does not stay in the delta, even when it was on the disk', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': BIG,
    'layers/20_gone/build-layer': buildLayer(
      'head -c 200000000 /dev/urandom >/gone; sync; rm /gone; echo here >/stays',
    ),
    'layers/30_next/build-layer': buildLayer('cat /stays >/copy'),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.ok(sizeOf(project, '20_gone') < LITTLE, `${sizeOf(project, '20_gone')} bytes`);
  const scratch = path.dirname(project.directory);
  assert.equal(checkFileSystem(project.path('build/20_gone.qcow2'), scratch), '');
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/copy'), 'here\n');
  execFileSync('qemu-img', ['check', '-q', realpathSync(project.path('build/20_gone.qcow2'))]);
  assert.deepEqual(leftovers(project), []);
});

test('a delta is at most 1.15 times as large as what is new, and removing files of the parent costs little', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': BIG,
    'layers/20_new/build-layer': buildLayer('head -c 200000000 /dev/urandom >/new'),
    'layers/30_less/build-layer': buildLayer('rm -r /more'),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.ok(sizeOf(project, '20_new') < 1.15 * 200 * MB, `${sizeOf(project, '20_new')} bytes`);
  assert.ok(sizeOf(project, '30_less') < LITTLE, `${sizeOf(project, '30_less')} bytes`);
  assert.equal(checkFileSystem(project.path('build/image.qcow2'), path.dirname(project.directory)), '');
});

test('the journal of a file system does not stay in the delta, and the file system stays whole', async () => {
  // A flush for each file is a transaction for each file: together more than the journal has room for.
  const many = 'mkdir /many; for n in $(seq 3000); do echo $n >/many/$n; sync; done';
  await using project = new TestProject({
    'layers/10_base/modify-disk': BIG,
    'layers/20_many/build-layer': buildLayer(many),
    'layers/30_more/build-layer': buildLayer('cat /many/3000 >/last'),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  // 3,000 files of a block each are 12 MB; the journal would be more than twice that again.
  assert.ok(sizeOf(project, '20_many') < 12.3 * 1.15 * MB + LITTLE, `${sizeOf(project, '20_many')} bytes`);
  const scratch = path.dirname(project.directory);
  for (const layer of ['20_many', '30_more']) {
    assert.equal(checkFileSystem(project.path(`build/${layer}.qcow2`), scratch), '', layer);
  }
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/last'), '3000\n');
});

test('what a modify-disk removes again does not stay in its disk', async () => {
  const gone = 'head -c 150000000 /dev/urandom >"$root/gone"; sync; rm "$root/gone"';
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ size: '1G', more: gone }),
    'layers/20_app/build-layer': buildLayer('echo works >/works'),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.ok(sizeOf(project, '10_base') < LITTLE, `${sizeOf(project, '10_base')} bytes`);
  const scratch = path.dirname(project.directory);
  assert.equal(checkFileSystem(project.path('build/10_base.qcow2'), scratch), '');
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/works'), 'works\n');
});

test('an ext4 without a journal, which refuses the options that are about one, is mounted without them', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDiskWithoutTable().replace(
      'mkfs.ext4 -q',
      'mkfs.ext4 -q -O ^has_journal',
    ),
    'layers/20_app/build-layer': buildLayer('echo works >/works'),
    'layers/30_more/build-layer': buildLayer('cat /works'),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.match(built.output, /works/);
});
