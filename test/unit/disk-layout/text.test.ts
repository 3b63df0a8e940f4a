// The texts of planned disks: the script for sfdisk, the commands that make file systems, fstab.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  makeCommands,
  mountsInOrder,
  partitionScript,
  programsFor,
} from '../../../src/disk-layout/commands.ts';
import { crypttabOf, fstabOf } from '../../../src/disk-layout/fstab.ts';
import type { PlannedDisk } from '../../../src/model/system/layout.ts';
import { GIB, MIB, planned, wish } from './layouts.ts';

const DISK = planned({
  size: 4 * GIB,
  partitions: [
    wish({ mount: '/boot', size: 512 * MIB, format: 'ext3', label: 'boot' }),
    wish({ format: 'swap', size: 256 * MIB }),
    wish({ mount: '/', label: 'root', uuid: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee' }),
    wish({ mount: '/srv/my data', format: 'xfs', size: 300 * MIB, options: ['noatime', 'nofail'] }),
  ],
});

function commandsOf(disk: PlannedDisk): readonly string[] {
  return makeCommands(disk).map(({ words, secret }) => {
    const line = words.map((word) => (typeof word === 'string' ? word : `/dev/x${word.partition}`)).join(' ');
    return secret === undefined ? line : `${line} <${secret}`;
  });
}

test('the script for sfdisk', () => {
  const text = partitionScript(DISK).replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f-]{21}/g, 'ID');
  assert.equal(
    text,
    `label: gpt
label-id: ID
unit: sectors

start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649, uuid=ID
start=4096, size=204800, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=ID
start=208896, size=1048576, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=ID
start=1257472, size=524288, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F, uuid=ID
start=1781760, size=5990400, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=ID
start=7772160, size=614400, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=ID
`,
  );
});

test('an MBR has types of its own, and one partition that is active', () => {
  const disk = planned({ table: 'mbr', sectorSize: 4096, partitions: [wish({ mount: '/' })] }, 'name');
  assert.equal(
    partitionScript(disk),
    `label: dos
label-id: ${disk.identifier}
unit: sectors

start=256, size=25600, type=ef
start=25856, size=2071296, type=83, bootable
`,
  );
});

test('the commands that make file systems', () => {
  const commands = commandsOf(DISK);
  const [esp = '', boot = '', swap = '', root = '', data = ''] = commands;
  assert.match(esp, /^mkfs\.vfat -F 32 -n ESP -i [0-9A-F]{8} \/dev\/x2$/);
  assert.match(boot, /^mkfs\.ext3 -q -F -L boot -U \S+ -E \S+ \/dev\/x3$/);
  assert.match(swap, /^mkswap -U \S+ \/dev\/x4$/);
  assert.match(
    root,
    /^mkfs\.ext4 -q -F -L root -U aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee -O none,\S+ -E \S+ \/dev\/x5$/,
  );
  assert.match(data, /^mkfs\.xfs -q -f -m uuid=\S+ \/dev\/x6$/);
  assert.deepEqual(programsFor(DISK), [
    'mkfs.ext3',
    'mkfs.ext4',
    'mkfs.vfat',
    'mkfs.xfs',
    'mkswap',
    'sfdisk',
  ]);
});

test('what is mounted, in order', () => {
  assert.deepEqual(
    mountsInOrder([DISK]).map(({ target }) => target),
    ['/', '/boot', '/boot/efi', '/srv/my data'],
  );
});

test('fstab, by UUID', () => {
  const [esp, boot, swap, , data] = DISK.partitions.flatMap(({ content }) => content?.uuid ?? []);
  assert.equal(
    fstabOf([DISK]),
    `UUID=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee / ext4 errors=remount-ro 0 1
UUID=${boot} /boot ext3 defaults 0 2
UUID=${esp} /boot/efi vfat umask=0077,nofail 0 0
UUID=${data} /srv/my\\040data xfs noatime,nofail 0 0
UUID=${swap} none swap sw 0 0
`,
  );
});

test('the subvolumes of a btrfs are mounted in its place', () => {
  const disk = planned({
    boot: [],
    partitions: [
      wish({
        format: 'btrfs',
        subvolumes: [
          { name: '@home', mount: '/home', options: ['compress=zstd'] },
          { name: '@', mount: '/' },
          { name: '@snapshots' },
        ],
      }),
    ],
  });
  const uuid = disk.partitions[0]?.content?.uuid;
  assert.equal(
    fstabOf([disk]),
    `UUID=${uuid} / btrfs subvol=@ 0 0\nUUID=${uuid} /home btrfs compress=zstd,subvol=@home 0 0\n`,
  );
  assert.deepEqual(disk.partitions[0]?.content?.subvolumes, ['@home', '@', '@snapshots']);
});

test('LVM and LUKS: types, commands in order, fstab and crypttab', () => {
  const disk = planned({
    boot: ['bios'],
    partitions: [
      wish({ mount: '/boot', size: 256 * MIB }),
      wish({ format: 'none', group: 'vg-0', passphrase: 'DISK' }),
      wish({ mount: '/', volume: { group: 'vg-0', name: 'root' } }),
      wish({ format: 'swap', volume: { group: 'vg-0', name: 'swap' }, size: 64 * MIB }),
      wish({ mount: '/srv', size: GIB, passphrase: 'DATA', options: ['nofail'] }),
    ],
  });
  assert.deepEqual(
    partitionScript(disk)
      .match(/type=\S{8}/g)
      ?.map((type) => type.slice(5)),
    ['21686148', '0FC63DAF', 'CA7D7CCB', 'CA7D7CCB'],
  );
  const [, , member, data] = disk.partitions.map(({ encryption }) => encryption?.uuid);
  const [boot, srv, root, swap] = [
    disk.partitions[1]?.content,
    disk.partitions[3]?.content,
    ...(disk.groups[0]?.volumes.map(({ content }) => content) ?? []),
  ].map((content) => content?.uuid);
  const free = 8 * 1024 - 2 - 1 - 256 - 1024;
  const extents = Math.floor((free - 17) / 4);
  assert.deepEqual(
    commandsOf(disk).map((line) => line.replace(/ --pbkdf.*iterations \d+| -q -F.*,lazy_journal_init=0/, '')),
    [
      `cryptsetup luksFormat --batch-mode --type luks2 --uuid ${member} /dev/x3 <DISK`,
      `cryptsetup open --allow-discards /dev/x3 luks-${member} <DISK`,
      `cryptsetup luksFormat --batch-mode --type luks2 --uuid ${data} /dev/x4 <DATA`,
      `cryptsetup open --allow-discards /dev/x4 luks-${data} <DATA`,
      `vgcreate --quiet --physicalextentsize 4096k vg-0 /dev/mapper/luks-${member}`,
      `lvcreate --quiet --yes --extents ${extents - 16} --name root vg-0`,
      'lvcreate --quiet --yes --extents 16 --name swap vg-0',
      'mkfs.ext4 /dev/x2',
      `mkfs.ext4 /dev/mapper/luks-${data}`,
      'mkfs.ext4 /dev/vg-0/root',
      `mkswap -U ${swap} /dev/vg-0/swap`,
    ],
  );
  assert.equal(
    fstabOf([disk]),
    `UUID=${root} / ext4 errors=remount-ro 0 1
UUID=${boot} /boot ext4 defaults 0 2
UUID=${srv} /srv ext4 nofail 0 2
UUID=${swap} none swap sw 0 0
`,
  );
  assert.equal(
    crypttabOf([disk], ['initramfs']),
    `luks-${member} UUID=${member} none luks,discard,initramfs
luks-${data} UUID=${data} none luks,discard,nofail
`,
  );
  assert.deepEqual(programsFor(disk), [
    'cryptsetup',
    'lvcreate',
    'mkfs.ext4',
    'mkswap',
    'sfdisk',
    'vgcreate',
  ]);
});
