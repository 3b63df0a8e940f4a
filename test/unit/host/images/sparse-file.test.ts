// A file with holes in place of zeros reads like one without.

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { isSparse, readSparse, sparseFile } from '../../../../src/host/images/sparse-file.ts';
import { Tree } from '../../../rig/tree.ts';

test('the content is the same however it is cut, and zeros take no space', async () => {
  using tree = new Tree();
  const data = Buffer.alloc(70_000, 'data');
  const whole = Buffer.concat([
    Buffer.alloc(1_000_000),
    data,
    Buffer.alloc(2_000_000),
    data,
    Buffer.alloc(999),
  ]);
  for (const length of [1000, 65_536, 100_001, whole.length]) {
    const pieces = Array.from({ length: Math.ceil(whole.length / length) }, (_, index) =>
      whole.subarray(index * length, (index + 1) * length),
    );
    await pipeline(Readable.from(pieces), sparseFile(tree.path('sparse')));
    assert.ok(readFileSync(tree.path('sparse')).equals(whole));
    assert.ok(statSync(tree.path('sparse')).blocks * 512 < 400_000);
  }
  await pipeline(Readable.from([]), sparseFile(tree.path('empty')));
  assert.equal(statSync(tree.path('empty')).size, 0);
});

test('a file that cannot be created, or not written, is an error of the stream', async () => {
  using tree = new Tree();
  await assert.rejects(
    pipeline(Readable.from([Buffer.from('a')]), sparseFile(tree.path('no/such'))),
    /ENOENT/,
  );
  await assert.rejects(pipeline(Readable.from([Buffer.from('a')]), sparseFile('/dev/full')), /ENOSPC/);
});

test('a file is read without its holes, and its content is the same', async () => {
  using tree = new Tree();
  const file = tree.path('sparse');
  const content = Buffer.alloc(5_000_000);
  content.fill('a', 0, 100);
  content.fill('b', 3_000_001, 4_100_000);
  await pipeline(Readable.from([content]), sparseFile(file));
  assert.ok(isSparse(statSync(file)));
  for (const data of [
    [
      { start: 0, length: 4096 },
      { start: 2_949_120, length: 1_200_000 },
    ],
    [{ start: 0, length: 9_000_000 }], // as it was before it was truncated
  ]) {
    assert.ok(Buffer.concat(await Readable.from(readSparse(file, data)).toArray()).equals(content));
  }
});
