// Which partitions a disk has and what is on them, by what the root side prints.

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { parseVolumes } from '../../../../src/host/images/partitions.ts';

test('volumes come in the order of their numbers, with the types that blkid recognizes', () => {
  const text = `volume /dev/loop1p1 259:0
volume /dev/loop1p12 259:300
volume /dev/loop1p2 7:1
DEVNAME=/dev/loop1p1
UUID=1
TYPE=vfat

DEVNAME=/dev/loop1p12
TYPE=ext4
LABEL=TYPE=xfs
`;
  assert.deepEqual(parseVolumes(text, '/dev/loop1'), [
    {
      partition: 1,
      device: '/dev/loop1p1',
      number: 66_304,
      type: 'vfat',
      tags: new Map([
        ['UUID', '1'],
        ['TYPE', 'vfat'],
      ]),
    },
    { partition: 2, device: '/dev/loop1p2', number: 1793, type: undefined, tags: new Map() },
    {
      partition: 12,
      device: '/dev/loop1p12',
      number: 1_114_924,
      type: 'ext4',
      tags: new Map([
        ['TYPE', 'ext4'],
        ['LABEL', 'TYPE=xfs'],
      ]),
    },
  ]);
});

test('a disk without partitions is one volume; one that is gone has no number', () => {
  const text = 'volume /dev/nbd0 \n';
  const [volume, ...others] = parseVolumes(text, '/dev/nbd0');
  assert.deepEqual(volume, {
    partition: 0,
    device: '/dev/nbd0',
    number: undefined,
    type: undefined,
    tags: new Map(),
  });
  assert.deepEqual(others, []);
});

test('the escapes of blkid are undone', () => {
  const text = String.raw`volume /dev/loop1p1 259:0
DEVNAME=/dev/loop1p1
LABEL=a\ \"b\"\\x41\x0a\xc3\xbc=
`;
  const [volume] = parseVolumes(text, '/dev/loop1');
  assert.equal(volume?.tags.get('LABEL'), 'a "b"\\x41\nü=');
});

test('numbers are those of stat', () => {
  const { rdev } = statSync('/dev/null');
  assert.equal(parseVolumes('volume /dev/null 1:3\n', '/dev/null')[0]?.number, rdev);
});
