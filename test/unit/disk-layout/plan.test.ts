// The storage planner: what holds for every layout, and what single ones become.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FORMAT_FACTS } from '../../../src/disk-layout/formats.ts';
import { EXTENT, LUKS_HEADER } from '../../../src/disk-layout/lvm.ts';
import { ALIGNMENT, planDisk } from '../../../src/disk-layout/plan.ts';
import type { DiskLayout, PartitionWish, PlannedDisk } from '../../../src/model/system/layout.ts';
import { GIB, MIB, planned, problemOf, randomLayout, wish } from './layouts.ts';

const SEEDS = Array.from({ length: 4000 }, (_, seed) => seed);

test('every plan: whole MiB, in order, no overlap, on the disk, room for the tables', () => {
  let plans = 0;
  for (const seed of SEEDS) {
    const wanted = randomLayout(seed);
    const plan = planDisk(wanted, ['x']);
    if (!plan.ok) continue;
    plans++;
    const { partitions } = plan.disk;
    let end = MIB;
    for (const { start, size, number } of partitions) {
      const what = `seed ${seed}, partition ${number}`;
      assert.equal(start % ALIGNMENT, 0, what);
      assert.equal(size % ALIGNMENT, 0, what);
      assert.ok(size > 0, what);
      assert.equal(start, end, `${what} begins where the one before it ends`);
      end = start + size;
    }
    // The backup of a GPT: 32 sectors of entries, for 4096 bytes 4, and a header.
    const backup = wanted.table === 'gpt' ? Math.max(33 * 512, 5 * 4096) : 0;
    assert.ok(end <= wanted.size - backup, `seed ${seed} ends on the disk`);
    assert.deepEqual(
      partitions.map(({ number }) => number),
      partitions.map((_, index) => index + 1),
    );
  }
  assert.ok(plans > 500, `${plans} layouts had a plan`);
});

test('every plan: sizes are those wanted, within their bounds, and nothing is left that could be used', () => {
  for (const seed of SEEDS) {
    const wanted = randomLayout(seed);
    const plan = planDisk(wanted, ['x']);
    if (!plan.ok) continue;
    const volumes = plan.disk.groups.flatMap((group) => group.volumes);
    const units = [
      ...plan.disk.partitions.map((one) => ({ ...one, unit: ALIGNMENT })),
      ...volumes.map((one) => ({ ...one, unit: EXTENT, group: undefined, encryption: undefined })),
    ];
    for (const { wish: index, size, content, unit, group, encryption } of units) {
      if (index === undefined) continue;
      const one = wanted.partitions[index];
      assert.ok(one);
      const header = encryption ? LUKS_HEADER : 0;
      const inside = content ? FORMAT_FACTS[content.format].least : group ? EXTENT + ALIGNMENT : unit;
      const least = inside + header;
      assert.ok(size >= least, `seed ${seed}: ${content?.format ?? group} can be made in it`);
      if (one.size !== 'rest') {
        assert.ok(size >= one.size && size < one.size + unit, `seed ${seed}`);
        continue;
      }
      assert.ok(size >= (one.minimum ?? 0), `seed ${seed}`);
      const most = Math.max(upwards(one.maximum ?? Infinity, unit), upwards(least, unit));
      assert.ok(size <= most, `seed ${seed}: ${index} has ${size}, of ${most}`);
    }
    const isOpen = ({ size, maximum }: PartitionWish) => size === 'rest' && maximum === undefined;
    if (wanted.partitions.some((one) => !one.volume && isOpen(one))) {
      assert.equal(unused(wanted, plan.disk), 0, `seed ${seed}`);
    }
  }
});

test('every plan with LVM: whole extents, no more than the partitions of the group have, and all of them where one is open', () => {
  let groups = 0;
  for (const seed of SEEDS) {
    const wanted = randomLayout(seed);
    const plan = planDisk(wanted, ['x']);
    if (!plan.ok) continue;
    const { disk }: { disk: PlannedDisk } = plan;
    for (const { name, volumes } of disk.groups) {
      groups++;
      const members = disk.partitions.filter(({ group }) => group === name);
      const extents = members.map(({ size, encryption }) =>
        Math.floor((size - MIB - (encryption ? LUKS_HEADER : 0)) / EXTENT),
      );
      assert.ok(members.length > 0 && extents.every((count) => count > 0), `seed ${seed}: ${extents}`);
      const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
      const [all, used] = [sum(extents), sum(volumes.map(({ size }) => size / EXTENT))];
      assert.ok(Number.isInteger(used) && used <= all, `seed ${seed}: ${used} of ${all}`);
      const open = volumes.some(({ wish: index }) => {
        const one = wanted.partitions[index];
        return one?.size === 'rest' && one.maximum === undefined;
      });
      if (open) assert.equal(used, all, `seed ${seed}`);
    }
  }
  assert.ok(groups > 200, `${groups} groups`);
});

test('every group that does not fit fits partitions that are larger by what the message says', () => {
  let misfits = 0;
  for (const seed of SEEDS) {
    const wanted = randomLayout(seed);
    const plan = planDisk(wanted, ['x']);
    const [, group, needed = ''] = plan.ok
      ? []
      : (/^the volumes of (\S+) need .* which is (.*) more than/.exec(plan.problem.message) ?? []);
    if (group === undefined) continue;
    misfits++;
    const [, number, unit] = /^([\d.]+) (MiB|GiB)$/.exec(needed) ?? [];
    const over = Number(number) * (unit === 'GiB' ? GIB : MIB);
    const larger = upwards(over + (unit === 'GiB' ? 0.06 * GIB : 0), EXTENT);
    const first = wanted.partitions.findIndex((one) => one.group === group);
    const partitions = wanted.partitions.map((one, index): PartitionWish => {
      if (index !== first) return one;
      const { maximum, ...open } = one;
      if (one.size !== 'rest') return { ...one, size: one.size + larger };
      return maximum === undefined ? open : { ...one, maximum: maximum + larger };
    });
    const again = planDisk({ ...wanted, size: wanted.size + 4 * larger, partitions }, ['x']);
    const told = again.ok ? '' : again.problem.message;
    assert.ok(!told.startsWith(`the volumes of ${group} need`), `seed ${seed}: ${needed}, then ${told}`);
  }
  assert.ok(misfits > 3, `${misfits} groups did not fit`);
});

test('a volume group without a partition in the list has one that is as large as its volumes need', () => {
  const disk = planned({
    partitions: [
      wish({ mount: '/boot', size: 512 * MIB }),
      wish({ mount: '/var', volume: { group: 'vg0', name: 'var' }, size: 2 * GIB }),
      wish({ mount: '/' }),
      wish({ mount: '/srv', volume: { group: 'vg0', name: 'srv' }, size: 10 * MIB }),
    ],
  });
  assert.deepEqual(
    disk.partitions.map(({ role, size, group }) => [role, size / MIB, group]),
    [
      ['bios-boot', 1, undefined],
      ['esp', 100, undefined],
      ['linux', 512, undefined],
      ['lvm', 2061, 'vg0'],
      ['linux', 8 * 1024 - 2 - 101 - 512 - 2061, undefined],
    ],
  );
  assert.deepEqual(
    disk.groups[0]?.volumes.map(({ name, size }) => [name, size / MIB]),
    [
      ['var', 2048],
      ['srv', 12],
    ],
  );
});

test('volumes that take the rest have the rest of the disk, within their bounds', () => {
  const disk = planned({
    boot: [],
    partitions: [
      wish({ mount: '/boot', size: 512 * MIB }),
      wish({ mount: '/', volume: { group: 'vg0', name: 'root' } }),
      wish({ format: 'swap', volume: { group: 'vg0', name: 'swap' }, maximum: GIB }),
    ],
  });
  const extents = Math.floor((8 * 1024 - 2 - 512 - 1) / 4);
  assert.deepEqual(
    disk.groups[0]?.volumes.map(({ size }) => size / EXTENT),
    [extents - 256, 256],
  );
});

test('every layout that does not fit fits a disk that is larger by what the message says, and none that is smaller', () => {
  let misfits = 0;
  for (const seed of SEEDS) {
    const wanted = randomLayout(seed);
    const plan = planDisk(wanted, ['x']);
    const [, needed] = plan.ok
      ? []
      : (/^the partitions need .* which is (.*) more than/.exec(plan.problem.message) ?? []);
    if (needed === undefined) continue;
    misfits++;
    const whole = Math.floor(wanted.size / MIB) * MIB;
    const fits = (size: number) => {
      const other = planDisk({ ...wanted, size }, ['x']);
      return other.ok || !other.problem.message.startsWith('the partitions need');
    };
    let by = MIB;
    while (!fits(whole + by)) by += MIB;
    const [, number, unit] = /^([\d.]+) (MiB|GiB)$/.exec(needed) ?? [];
    const told = Number(number) * (unit === 'GiB' ? GIB : MIB);
    const rounding = unit === 'GiB' ? 0.06 * GIB : 0.06 * MIB;
    assert.ok(Math.abs(told - by) <= rounding, `seed ${seed}: ${needed}, and it takes ${by / MIB} MiB`);
  }
  assert.ok(misfits > 100, `${misfits} layouts did not fit`);
});

test('two partitions that take the rest are equal, up to the smallest unit', () => {
  const { partitions } = planned({
    boot: [],
    partitions: [wish({ mount: '/' }), wish({ mount: '/srv' }), wish({ mount: '/var', maximum: GIB })],
  });
  const sizes = partitions.map(({ size }) => size / MIB);
  assert.deepEqual(sizes, [3583, 3583, 1024]);
});

test('a minimum counts where an equal part would be less', () => {
  const { partitions } = planned({
    boot: [],
    size: GIB,
    partitions: [wish({ mount: '/', minimum: 700 * MIB }), wish({ mount: '/srv' })],
  });
  assert.deepEqual(
    partitions.map(({ size }) => size / MIB),
    [700, 322],
  );
});

test('both firmwares: a partition for the core of GRUB and an EFI system partition come first', () => {
  const { partitions } = planned();
  assert.deepEqual(
    partitions.map(({ role, size, content }) => [role, size / MIB, content?.format]),
    [
      ['bios-boot', 1, undefined],
      ['esp', 100, 'vfat'],
      ['linux', 8 * 1024 - 2 - 101, 'ext4'],
    ],
  );
  assert.deepEqual(partitions[1]?.content?.mounts, [
    { target: '/boot/efi', subvolume: undefined, options: ['umask=0077', 'nofail'] },
  ]);
});

test('an ESP of the list is taken, with its size; an MBR needs none for GRUB', () => {
  const esp = wish({ mount: '/boot/efi', size: 200 * MIB, format: 'vfat' });
  const own = planned({ table: 'mbr', partitions: [esp, wish({ mount: '/' })] });
  assert.deepEqual(
    own.partitions.map(({ role, size, identifier }) => [role, size / MIB, identifier]),
    [
      ['esp', 200, undefined],
      ['linux', 8 * 1024 - 1 - 200, undefined],
    ],
  );
  assert.match(own.identifier, /^0x[0-9a-f]{8}$/);
});

test('identifiers are those of the name and the mount, whatever else is on the disk', () => {
  const root = (disk: PlannedDisk) =>
    disk.partitions.find(({ content }) => content?.mounts.some(({ target }) => target === '/'));
  const one = root(planned());
  const more = root(
    planned({
      partitions: [
        wish({ mount: '/srv', size: GIB }),
        wish({ format: 'swap', size: GIB }),
        wish({ mount: '/' }),
      ],
    }),
  );
  assert.ok(one?.content);
  assert.equal(more?.content?.uuid, one.content.uuid);
  assert.equal(more?.identifier, one.identifier);
  assert.match(one.content.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(root(planned({}, 'other'))?.content?.uuid, one.content.uuid);
  const all = planned({
    partitions: [
      wish({ format: 'swap', size: GIB }),
      wish({ format: 'swap', size: GIB }),
      wish({ mount: '/' }),
    ],
  });
  const uuids = all.partitions.flatMap(({ identifier, content }) =>
    [identifier, content?.uuid].filter(Boolean),
  );
  assert.equal(new Set(uuids).size, uuids.length);
});

test('identifiers that are given are taken, as blkid writes them', () => {
  const { partitions } = planned({
    boot: [],
    partitions: [
      wish({ mount: '/', uuid: 'AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE', size: GIB }),
      wish({ mount: '/boot/efi', format: 'vfat', uuid: '1a2b-3c4d' }),
    ],
  });
  assert.deepEqual(
    partitions.map(({ content }) => content?.uuid),
    ['aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee', '1A2B-3C4D'],
  );
});

for (const [what, given, message, path] of [
  [
    'what does not fit',
    { partitions: [wish({ mount: '/', size: 9 * GIB })] },
    'the partitions need 9.1 GiB, which is 1.1 GiB more than a disk of 8.0 GiB has for them',
    ['size'],
  ],
  [
    'a minimum that does not fit',
    { partitions: [wish({ mount: '/boot', size: GIB }), wish({ mount: '/', minimum: 7 * GIB })] },
    'the partitions need 8.1 GiB, which is 103 MiB more than a disk of 8.0 GiB has for them',
    ['partitions', 1, 'size'],
  ],
  [
    'a partition that is smaller than its file system can be',
    { partitions: [wish({ mount: '/', size: 100 * MIB, format: 'xfs' })] },
    '/ is smaller than xfs can be: 100 MiB, and the least is 300 MiB',
    ['partitions', 0, 'size'],
  ],
  [
    'two partitions for one mount',
    { partitions: [wish({ mount: '/' }), wish({ mount: '/' })] },
    'two partitions are mounted at /',
    ['partitions', 1, 'mount'],
  ],
  [
    'a subvolume for the same mount',
    {
      partitions: [wish({ mount: '/' }), wish({ format: 'btrfs', subvolumes: [{ name: '@', mount: '/' }] })],
    },
    'two partitions are mounted at /',
    ['partitions', 1, 'subvolumes', 0, 'mount'],
  ],
  [
    'a root without a file system',
    { partitions: [wish({ mount: '/', format: 'none' })] },
    '/ has no file system, and so cannot be mounted',
    ['partitions', 0],
  ],
  [
    'a root on vfat',
    { partitions: [wish({ mount: '/', format: 'vfat' })] },
    'the root cannot be on vfat',
    ['partitions', 0, 'mount'],
  ],
  [
    'no root',
    { partitions: [wish({ mount: '/srv' })] },
    'no partition is mounted at /, so there is no place for the system',
    ['partitions'],
  ],
  [
    'a mounted swap',
    { partitions: [wish({ mount: '/', format: 'swap' })] },
    'a swap is mounted nowhere',
    ['partitions', 0, 'mount'],
  ],
  [
    'an ESP that firmware cannot read',
    { partitions: [wish({ mount: '/' }), wish({ mount: '/boot/efi', size: GIB })] },
    'UEFI reads vfat only, and /boot/efi is on ext4',
    ['partitions', 1, 'mount'],
  ],
  [
    'a label that is too long',
    { partitions: [wish({ mount: '/', format: 'xfs', label: 'longer-than-xfs' })] },
    'the label "longer-than-xfs" is too long: xfs has at most 12 bytes for it',
    ['partitions', 0, 'label'],
  ],
  [
    'an identifier of another form',
    { partitions: [wish({ mount: '/', uuid: '1A2B-3C4D' })] },
    '"1A2B-3C4D" is not an identifier of ext4, like 4bbd2c0d-f6be-4d53-a3c6-2d6e6ae0a1c9',
    ['partitions', 0, 'uuid'],
  ],
  [
    'a label of two partitions',
    { partitions: [wish({ mount: '/', label: 'x' }), wish({ mount: '/srv', label: 'x' })] },
    'two partitions have the label x',
    ['partitions', 1, 'label'],
  ],
  [
    'subvolumes of an ext4',
    { partitions: [wish({ mount: '/', subvolumes: [] })] },
    '/ cannot have subvolumes: only btrfs has',
    ['partitions', 0, 'subvolumes'],
  ],
  [
    'a minimum of a fixed size',
    { partitions: [wish({ mount: '/', size: GIB, minimum: GIB })] },
    '"minimum" of / is only for "size: rest"',
    ['partitions', 0, 'minimum'],
  ],
  [
    'five partitions in an MBR',
    {
      table: 'mbr',
      partitions: [
        wish({ mount: '/' }),
        wish({ format: 'swap' }),
        wish({ mount: '/a' }),
        wish({ mount: '/b' }),
      ],
    },
    'an MBR has at most 4 partitions, and this disk would have 5, with the one for UEFI',
    ['partitions'],
  ],
  [
    'volumes that do not fit into the partition of their group',
    {
      partitions: [
        wish({ mount: '/' }),
        wish({ format: 'none', group: 'vg0', size: GIB }),
        wish({ mount: '/var', volume: { group: 'vg0', name: 'var' }, size: 2 * GIB }),
      ],
    },
    'the volumes of vg0 need 2.0 GiB, which is 1.0 GiB more than the group has for them',
    ['partitions', 1, 'size'],
  ],
  [
    'a root on LVM without a partition for /boot',
    { partitions: [wish({ mount: '/', volume: { group: 'vg0', name: 'root' } })] },
    '/ is on LVM, from where vlb cannot boot',
    ['partitions', 0, 'mount'],
  ],
  [
    'an encrypted /boot',
    {
      partitions: [wish({ mount: '/boot', size: GIB, passphrase: 'DISK' }), wish({ mount: '/' })],
    },
    '/boot is encrypted, from where vlb cannot boot',
    ['partitions', 0, 'mount'],
  ],
  [
    'a partition of a volume group with a file system',
    { partitions: [wish({ mount: '/' }), wish({ mount: '/srv', group: 'vg0', format: 'none' })] },
    'a partition of the volume group vg0 has no file system of its own',
    ['partitions', 1, 'volume-group'],
  ],
  [
    'two volumes of one name',
    {
      partitions: [
        wish({ mount: '/' }),
        wish({ mount: '/a', volume: { group: 'vg0', name: 'a' }, size: GIB }),
        wish({ mount: '/b', volume: { group: 'vg0', name: 'a' }, size: GIB }),
      ],
    },
    'two volumes have the name vg0/a',
    ['partitions', 2, 'volume'],
  ],
  [
    'a volume that is encrypted by itself',
    {
      partitions: [
        wish({ mount: '/' }),
        wish({ mount: '/a', volume: { group: 'vg0', name: 'a' }, size: GIB, passphrase: 'DISK' }),
      ],
    },
    '/a is a volume, and cannot be encrypted alone',
    ['partitions', 1, 'passphrase'],
  ],
  [
    'an encrypted partition without space for its file system',
    {
      partitions: [wish({ mount: '/' }), wish({ mount: '/srv', size: 20 * MIB, passphrase: 'DISK' })],
    },
    '/srv is smaller than ext4 in LUKS can be: 20.0 MiB, and the least is 24.0 MiB',
    ['partitions', 1, 'size'],
  ],
  [
    'an MBR on a large disk',
    { table: 'mbr', size: 3 * 2 ** 40 },
    'an MBR reaches 2 TiB far, and this disk is larger',
    ['size'],
  ],
] as const satisfies readonly (readonly [
  string,
  Partial<DiskLayout>,
  string,
  readonly (string | number)[],
])[]) {
  test(`a problem with its place: ${what}`, () => {
    const problem = problemOf(given);
    assert.equal(problem.message, message);
    assert.deepEqual(problem.path, path);
  });
}

function upwards(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}

/** Whole MiB of the disk in no partition, apart from those of the tables. */
function unused({ size, table }: DiskLayout, { partitions }: PlannedDisk): number {
  const used = partitions.reduce((sum, one) => sum + one.size, 0) / MIB;
  return Math.floor(size / MIB) - used - (table === 'gpt' ? 2 : 1);
}
