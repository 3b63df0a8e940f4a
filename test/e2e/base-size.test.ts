// `size:` of a base: its disk, the last partition and the file system there grow when it is imported.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { BaseImages } from '../rig/base-images.ts';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer } from '../rig/tiny.ts';

const MIB = 1024 * 1024;
const images = new BaseImages();

/** Writes files to a disk of 96 MiB, each at so many MiB. */
function disk(name: string, table: string, parts: readonly (readonly [file: string, at: number])[]): void {
  images.run('truncate', '-s', '96M', name);
  writeFileSync(images.path('table'), table);
  images.run('sh', '-c', `sfdisk --quiet --no-reread ${name} < table`);
  for (const [file, at] of parts) {
    images.run('dd', `if=${file}`, `of=${name}`, 'bs=1M', `seek=${at}`, 'conv=notrunc,sparse', 'status=none');
  }
}

before(async () => {
  await images.make('ext4', { size: '64M' });
  await images.make('xfs', { fileSystem: 'xfs', size: '320M' });
  await images.make('btrfs', { fileSystem: 'btrfs', size: '160M' });
  // tinyDisk's partition begins at 1 MiB, and the disk ends with the backup of the table.
  images.run('dd', 'if=ext4.raw', 'of=system', 'bs=1M', 'skip=1', 'count=62', 'status=none');
  images.run('truncate', '-s', '8M', 'swap', 'nothing');
  images.run('mkswap', '-q', 'swap');
  disk('cloud.raw', 'label: gpt\n14: start=2048,size=2M\n1: start=8192\n', [['system', 4]]);
  disk('mbr.raw', 'label: dos\nstart=2048\n', [['system', 1]]);
  disk('swap-behind.raw', 'label: gpt\nstart=2048,size=64M\nsize=8M\n', [
    ['system', 1],
    ['swap', 65],
  ]);
  disk('logical.raw', 'label: dos\nstart=2048,size=8M\ntype=5\nstart=32768\n', [['system', 16]]);
  disk('nothing.raw', 'label: gpt\nstart=2048\n', []);
});
after(() => images[Symbol.dispose]());

const APP = { 'layers/10_app/build-layer': buildLayer("stat -f -c '%S %b' /; cat /etc/os-release") };

function yaml(name: string, ...more: readonly string[]) {
  const lines = [`path: ${images.path(name)}`, ...more].map((line) => `  ${line}\n`);
  return { 'vlb.yaml': `base:\n${lines.join('')}` };
}

test('the last partition and its file system grow with the disk', async (t) => {
  images.run('cp', 'system', 'bare.raw');
  for (const [name, size] of [
    ['ext4.qcow2', 300],
    ['xfs.qcow2', 500],
    ['btrfs.qcow2', 400],
    ['cloud.raw', 300],
    ['mbr.raw', 300],
    ['bare.raw', 300],
  ] as const) {
    await t.test(name, async () => {
      await using project = new TestProject({ ...APP, ...yaml(name, `size: ${size}M`) });
      const built = await project.build(['--flatten']);
      assert.equal(built.outcomes, 'base built, 10_app built', built.told);
      const [numbers = '', system] = built.output.split('\n');
      assert.equal(system, 'ID=tiny');
      const [blockBytes = 0, blocks = 0] = numbers.split(' ').map(Number);
      // Without what the file system takes for itself: the log of xfs alone is 64 MiB.
      assert.ok(blockBytes * blocks > (size - 70) * MIB, `${numbers} of ${size} MiB`);
      assert.deepEqual(leftovers(project), []);
      const image = project.path('build/image.qcow2');
      const info = JSON.parse(images.run('qemu-img', 'info', '--output=json', image));
      assert.equal(info['virtual-size'], size * MIB);
      if (name !== 'bare.raw') assertTable(image, size * MIB);
      assert.equal((await project.build()).outcomes, 'base fresh, 10_app fresh');
    });
  }
});

/** Asserts that the partition table is whole, with its backup at the end of the disk, and leaves no space behind. */
function assertTable(image: string, bytes: number): void {
  images.run('qemu-img', 'convert', '-O', 'raw', image, 'grown.raw');
  const verified = images.run('sh', '-c', 'sfdisk --verify grown.raw 2>&1');
  assert.doesNotMatch(verified, /backup|corrupt/i);
  const { partitiontable } = JSON.parse(images.run('sfdisk', '--json', 'grown.raw'));
  const ends: number[] = partitiontable.partitions.map(
    ({ start, size }: { start: number; size: number }) => (start + size) * 512,
  );
  assert.ok(Math.max(...ends) > bytes - 2 * MIB, `${ends} of ${bytes}`);
}

test('the size is part of the key, and no size is the image as it is', async () => {
  await using project = new TestProject({ ...APP, ...yaml('ext4.qcow2') });
  assert.equal((await project.build()).outcomes, 'base built, 10_app built');
  project.write(yaml('ext4.qcow2', 'size: 100M'));
  assert.equal((await project.build()).outcomes, 'base built, 10_app built');
  project.write(yaml('ext4.qcow2', 'size: 100M', 'expand: 1'));
  assert.match((await project.build()).outcomes, /^base built/);
  project.write(yaml('ext4.qcow2'));
  assert.equal((await project.build()).outcomes, 'base fresh, 10_app restored');
});

test('what is in the way is an error', async (t) => {
  for (const [name, settings, says] of [
    ['ext4.qcow2', ['size: 32M'], /base\.size is smaller than the disk .*\n.*67108864 bytes/],
    ['swap-behind.raw', ['size: 1G'], /partition 2 holds swap, which vlb cannot grow/],
    [
      'swap-behind.raw',
      ['size: 1G', 'expand: 1'],
      /partition 1 cannot grow: partition 2 \(swap\) is behind it/,
    ],
    ['cloud.raw', ['size: 1G', 'expand: 14'], /partition 14 cannot grow: partition 1 \(ext4\) is behind it/],
    [
      'cloud.raw',
      ['size: 1G', 'expand: 2'],
      /there is no partition 2\n.*valid values of base\.expand: 1, 14/,
    ],
    ['bare.raw', ['size: 1G', 'expand: 1'], /there is no partition 1: the disk has no partition table/],
    ['logical.raw', ['size: 1G'], /partition 5 cannot grow: it is a logical partition/],
    ['mbr.raw', ['size: 3T'], /partition 1 cannot grow: a partition table of type MBR ends at 2 TiB/],
    ['nothing.raw', ['size: 1G'], /partition 1 holds no known file system, which vlb cannot grow/],
    ['nothing', ['size: 1G'], /the disk holds no known file system, which vlb cannot grow/],
  ] as const) {
    await t.test(`${name}, ${settings}`, async () => {
      await using project = new TestProject({ ...APP, ...yaml(name, ...settings) });
      const ended = await project.vlb(['build', '--progress', 'plain']);
      assert.equal(ended.status, 2, ended.stderr);
      assert.match(ended.stderr, says);
      assert.deepEqual(leftovers(project), []);
    });
  }
});
