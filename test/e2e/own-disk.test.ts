// The layer's own disk in its chroot: real tools see it under the kernel's names, and no other disk of the host.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, copyTools, tinyDisk, tinyDiskWithoutTable } from '../rig/tiny.ts';

const TOOLS = ['lsblk', 'blkid', 'findmnt', 'fstrim', 'tune2fs', 'resize2fs', 'mkswap', 'swapon'];
const DISK = tinyDisk({ more: `${copyTools(...TOOLS)}\ne2label "$DEVICE"p1 'the root'` }).replace(
  'type=linux\\n',
  'size=200M,type=linux,name="a/b"\\nsize=16M,type=swap\\n',
);

const LOOK = `
for tool in sort; do ln -sf busybox /bin/$tool; done
echo "disk $VLB_DISK root $VLB_ROOT_PARTITION"
echo "mounted $(/opt/findmnt -no SOURCE /)"
/opt/lsblk -nro NAME,TYPE,FSTYPE,LABEL,MOUNTPOINT | while read -r line; do echo "lsblk $line"; done
echo "blkid $(/opt/blkid -o device | sort | while read -r name; do printf '%s ' "$name"; done)"
for link in /dev/disk/by-uuid/$(/opt/blkid -o value -s UUID $VLB_ROOT_PARTITION) /dev/disk/by-label/* /dev/disk/by-partlabel/* \\
  /dev/disk/by-partuuid/$(/opt/blkid -o value -s PARTUUID $VLB_ROOT_PARTITION); do
  echo "link \${link##*/} $(readlink -f "$link")"
done
for place in /sys/block /sys/class/block; do echo "$place $(ls $place | sort | while read -r name; do printf '%s ' "$name"; done)"; done
for name in /sys/class/block/* /sys/dev/block/*; do echo "size of \${name##*/} $(cat "$name/size")"; done
for name in /sys/class/* /sys/bus/* /sys/firmware/*; do [ ! -e "$name" ] || echo "classes \${name##*/}"; done; echo "net $(ls /sys/class/net)"
`;

test('tools find the disk that they are on, with its links, and no other', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': DISK,
    'layers/20_app/build-layer': buildLayer(LOOK),
  });
  const other = path.join(path.dirname(project.directory), 'other');
  execFileSync('truncate', ['-s', '1M', other]);
  const device = runAsRoot('losetup', '--find', '--show', other).trim();
  try {
    const built = await project.build();
    assert.equal(built.status, 0, built.told);
    const [, disk = ''] = /^disk (\S+) root \1p1$/m.exec(built.output) ?? [];
    assert.match(disk, /^\/dev\/(?:loop|nbd)\d+$/, built.output);
    const name = path.basename(disk);
    const lines = built.output.split('\n').map((line) => line.trim());
    const said = (word: string) =>
      lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
    assert.deepEqual(said('mounted'), [`${disk}p1`]);
    assert.deepEqual(said('lsblk'), [
      `${name} ${name.replace(/\d+$/, '') === 'loop' ? 'loop' : 'disk'}`,
      String.raw`${name}p1 part ext4 the\x20root /`,
      `${name}p2 part`,
    ]);
    assert.deepEqual(said('blkid'), [`${disk}p1 ${disk}p2`]);
    const links = said('link');
    assert.equal(links.length, 4, built.output);
    for (const link of links) assert.ok(link.endsWith(` ${disk}p1`), link);
    assert.equal(links[1], String.raw`the\x20root ${disk}p1`);
    assert.equal(links[2], String.raw`a\x2fb ${disk}p1`);
    assert.deepEqual(said('/sys/block'), [name]);
    assert.deepEqual(said('/sys/class/block'), [`${name} ${name}p1 ${name}p2`]);
    assert.equal(said('size').length, 6);
    assert.deepEqual(said('classes'), ['block', 'net']);
    assert.equal(built.output.includes(path.basename(device)), false);
  } finally {
    runAsRoot('losetup', '--detach', device);
  }
  assert.deepEqual(leftovers(project), []);
});

test('a mounted file system can be changed through its device, and a swap partition that is on is turned off', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': DISK,
    'layers/20_app/build-layer': buildLayer(`
/opt/fstrim -v /
/opt/tune2fs -L changed "$VLB_ROOT_PARTITION"
/opt/resize2fs "$VLB_ROOT_PARTITION"
/opt/mkswap -U 11111111-89ab-cdef-0123-456789abcdef "\${VLB_DISK}p2"
/opt/swapon "$(/opt/blkid -U 11111111-89ab-cdef-0123-456789abcdef)"
cat /proc/swaps
dd if=/dev/zero of="$VLB_DISK" bs=512 seek=34 count=1 2>/dev/null`),
    'layers/30_look/build-layer': buildLayer(
      'for link in /dev/disk/by-label/changed /dev/disk/by-uuid/1111*; do readlink -f $link; done',
    ),
  });
  const swaps = readFileSync('/proc/swaps', 'utf8');
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.match(built.output, /^\/: .* bytes\) trimmed$/m);
  assert.match(built.output, /^\/dev\/\w+p2\s+partition/m);
  assert.match(built.output, /^(\/dev\/\w+)p1\n\1p2$/m);
  assert.equal(readFileSync('/proc/swaps', 'utf8'), swaps);
  assert.deepEqual(leftovers(project), []);
});

test('xfs grows while it is mounted, as the root and on another partition', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({
      fileSystem: 'xfs',
      size: '900M',
      more: `mkfs.xfs -q -d size=310m "$DEVICE"p2\n${copyTools('xfs_growfs')}`,
    })
      .replace('type=linux\\n', 'size=420M,type=linux\\ntype=linux\\n')
      .replace('mkfs.xfs -q', 'mkfs.xfs -q -d size=310m'),
    'layers/20_app/build-layer': buildLayer(
      `
blocks() { stat -f -c %b "$1"; }
for place in / /data; do
  before=$(blocks $place)
  /opt/xfs_growfs $place > /tmp/said
  grep -q "^meta-data=$VLB_DISK" /tmp/said
  [ "$(blocks $place)" -gt "$before" ] && echo "grown $place"
done`,
      '# chroot-mount p2 /data',
    ),
    'layers/30_look/build-layer': buildLayer('stat -f -c "%s %b" /'),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.match(built.output, /^grown \/\ngrown \/data$/m);
  const [, size, blocks] = /^(\d+) (\d+)$/m.exec(built.output) ?? [];
  assert.ok(Number(size) * Number(blocks) > 330 * 1024 * 1024, built.output);
  assert.deepEqual(leftovers(project), []);
});

test('on a disk without a partition table, the disk is the root partition', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDiskWithoutTable(),
    'layers/20_app/build-layer': buildLayer(
      '[ "$VLB_DISK" = "$VLB_ROOT_PARTITION" ]; readlink -f /dev/disk/by-uuid/*; echo "$VLB_DISK"',
    ),
  });
  const built = await project.build();
  assert.match(built.output, /^(\/dev\/\w+)\n\1$/, built.told);
});
