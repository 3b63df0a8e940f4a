// The digest of a large file: of all its bytes, whether they are read or holes.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { digestFile } from '../../../../src/host/images/digest.ts';
import { qemuImg } from '../../../../src/host/images/qemu-img.ts';
import { Tree } from '../../../rig/tree.ts';

const LIVE = new AbortController().signal;
const MEBIBYTE = 2 ** 20;

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test('of files of any size', async () => {
  using tree = new Tree();
  for (const size of [0, 1, MEBIBYTE - 1, MEBIBYTE, 3 * MEBIBYTE + 17]) {
    const bytes = Buffer.alloc(size, 'some bytes, and more of them');
    writeFileSync(tree.path('file'), bytes);
    assert.equal(await qemuImg.digest(tree.path('file'), LIVE), sha256(bytes), String(size));
  }
});

test('of a file with holes, at its beginning, in between and at its end', async () => {
  using tree = new Tree();
  const bytes = Buffer.alloc(70 * MEBIBYTE + 5);
  const data = [
    { start: 5 * MEBIBYTE, length: 2 * MEBIBYTE + 9 },
    { start: 66 * MEBIBYTE, length: 4096 },
  ];
  const descriptor = openSync(tree.path('file'), 'w');
  for (const { start, length } of data) {
    const piece = Buffer.alloc(length, 'data');
    piece.copy(bytes, start);
    writeSync(descriptor, piece, 0, length, start);
  }
  ftruncateSync(descriptor, bytes.length);
  closeSync(descriptor);
  assert.equal(await digestFile(tree.path('file'), data, LIVE), sha256(bytes));
  assert.equal(await qemuImg.digest(tree.path('file'), LIVE), sha256(bytes));
});

test('ends with the signal, in a hole too', async () => {
  using tree = new Tree();
  const descriptor = openSync(tree.path('file'), 'w');
  ftruncateSync(descriptor, 2 ** 42);
  closeSync(descriptor);
  const stop = new AbortController();
  const begun = performance.now();
  setTimeout(() => stop.abort(), 1);
  await assert.rejects(digestFile(tree.path('file'), [], stop.signal), /abort/i);
  assert.ok(performance.now() - begun < 20_000);
});
