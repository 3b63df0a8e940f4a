// Which partitions a disk has, by what the kernel has in the disk's directory.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partitionsAmong } from '../../../../src/host/images/partitions.ts';

test('partitions are known by their names alone, in the order of their numbers', () => {
  const entries = [
    'alignment_offset',
    'loop1p12',
    'loop1p2',
    'power',
    'loop1p1',
    'loop',
    'loop10p3',
    'loop1px',
    'loop1p',
  ];
  assert.deepEqual(partitionsAmong(entries, 'loop1'), [1, 2, 12]);
  assert.deepEqual(partitionsAmong(['nbd0p1'], 'nbd0'), [1]);
  assert.deepEqual(partitionsAmong(['size', 'queue'], 'loop1'), []);
});
