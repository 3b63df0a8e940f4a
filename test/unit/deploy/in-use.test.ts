// What uses a block device, by the kernel's own texts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signaturesIn, usersOf } from '../../../src/deploy/disk/in-use.ts';

const MOUNTS = `21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
36 21 8:18 / /mnt/my\\040disk rw,relatime shared:7 - ext4 /dev/sdb2 rw
40 21 0:45 / /proc rw - proc proc rw
`;
const SWAPS = `Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority
/dev/sdb3                               partition\t1048572\t\t0\t\t-2
`;

const node = (name: string, number: string, holders: readonly string[] = []) => ({ name, number, holders });

test('a device that nothing uses', () => {
  assert.deepEqual(usersOf([node('sdc', '8:32'), node('sdc1', '8:33')], MOUNTS, SWAPS), []);
});

test('a mounted partition, a swap partition and a part of another device are each named', () => {
  const nodes = [
    node('sdb', '8:16'),
    node('sdb2', '8:18'),
    node('sdb3', '8:19'),
    node('sdb4', '8:20', ['dm-0', 'md127']),
  ];
  assert.deepEqual(usersOf(nodes, MOUNTS, SWAPS), [
    'sdb2 is mounted on /mnt/my disk',
    'sdb3 is swap space',
    'sdb4 is a part of dm-0',
    'sdb4 is a part of md127',
  ]);
});

test('the numbers are compared whole', () => {
  assert.deepEqual(usersOf([node('sdx', '8:8'), node('sdy', '18:1')], MOUNTS, SWAPS), []);
});

test('the signatures on a device, each type once', () => {
  assert.deepEqual(signaturesIn(''), []);
  const json =
    '{"signatures": [{"device":"sdb","offset":"0x200","type":"gpt"},{"type":"gpt"},{"type":"PMBR"}]}';
  assert.deepEqual(signaturesIn(json), ['gpt', 'PMBR']);
});
