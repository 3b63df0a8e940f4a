import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mountsOf, parseFstab } from '../../../../src/host/system/fstab.ts';

const VOLUMES = [
  {
    partition: 1,
    device: '/dev/loop3p1',
    tags: new Map([
      ['TYPE', 'vfat'],
      ['UUID', 'ABCD-1234'],
      ['PART_ENTRY_NAME', 'EFI System'],
    ]),
  },
  {
    partition: 2,
    device: '/dev/loop3p2',
    tags: new Map([
      ['TYPE', 'ext4'],
      ['LABEL', 'boot'],
      ['PART_ENTRY_UUID', '11f0-aa'],
    ]),
  },
  {
    partition: 3,
    device: '/dev/loop3p3',
    tags: new Map([
      ['TYPE', 'btrfs'],
      ['UUID', '22'],
    ]),
  },
];

/** `TARGET DEVICE OPTIONS` for each line that is mounted. */
function mounted(text: string): string[] {
  return mountsOf(parseFstab(text), VOLUMES).map(({ line, volume, options }) =>
    [line.target, volume?.device.slice(-2) ?? 'none', ...options].join(' '),
  );
}

test('each kind of name means a partition of the disk', () => {
  for (const [source, device] of [
    ['UUID=abcd-1234', 'p1'],
    ['UUID="ABCD-1234"', 'p1'],
    ['PARTLABEL=EFI\\040System', 'p1'],
    ['/dev/disk/by-uuid/ABCD-1234', 'p1'],
    ['LABEL=boot', 'p2'],
    ['LABEL=BOOT', 'none'],
    ['PARTUUID=11F0-AA', 'p2'],
    ['/dev/vda2', 'p2'],
    ['/dev/sda2', 'p2'],
    ['/dev/xvda2', 'p2'],
    ['/dev/nvme0n1p2', 'p2'],
    ['/dev/mmcblk0p2', 'p2'],
    ['/dev/vdb2', 'none'],
    ['/dev/vda12', 'none'],
    ['/dev/mapper/vg-var', 'none'],
    ['UUID=99', 'none'],
  ] as const) {
    assert.deepEqual(mounted(`${source} /place auto defaults 0 2`), [`/place ${device}`], source);
  }
});

test('the partitions of a disk without a table are none, whatever the device is called', () => {
  const whole = [{ partition: 0, device: '/dev/loop1', tags: new Map([['TYPE', 'ext4']]) }];
  const [mount] = mountsOf(parseFstab('/dev/sda1 /data ext4 defaults 0 2'), whole);
  assert.equal(mount?.volume, undefined);
});

test('lines are in their order, with the subvolume that they mount', () => {
  const text = `# /etc/fstab
UUID=22 / btrfs defaults,subvol=@ 0 1

UUID=22\t/home  btrfs  noatime,subvol=@home,compress=zstd 0 2
/dev/vda2 /boot/ ext4
UUID=ABCD-1234 /boot/efi vfat umask=0077 0 1
UUID=22 /with\\040blank btrfs subvolid=5
`;
  assert.deepEqual(mounted(text), [
    '/home p3 subvol=@home',
    '/boot p2',
    '/boot/efi p1',
    '/with blank p3 subvolid=5',
  ]);
  assert.deepEqual(
    parseFstab(text).map(({ number }) => number),
    [2, 4, 5, 6, 7],
  );
});

test('what a boot mounts from elsewhere, on demand or in memory is left out', () => {
  for (const line of [
    '#UUID=22 /home btrfs defaults',
    'UUID=22 none swap sw',
    '/swapfile none swap sw',
    'tmpfs /var/tmp tmpfs defaults',
    'tmpfs /tmp tmpfs mode=1777',
    'LABEL=boot /tmp ext4 defaults',
    'proc /proc proc defaults',
    'UUID=22 /media btrfs noauto',
    '/data /srv none bind',
    '/dev/vda2 /srv none rw,rbind',
    'server:/export /srv nfs defaults',
    '//server/share /srv cifs defaults',
    '/dev/vda2 /srv ext4 _netdev',
    '/dev/vda2 /same\\012line ext4 defaults',
    'incomplete',
    '',
  ]) {
    assert.deepEqual(mounted(line), [], line);
  }
});
