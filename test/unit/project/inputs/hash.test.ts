// Content hashes, against published values of xxHash64 and against themselves at the edges of the buffer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFileHasher } from '../../../../src/project/inputs/hash.ts';
import { Tree } from '../../../rig/tree.ts';

const hasher = await createFileHasher();
const CHUNK = 1 << 20;

/** Bytes that do not repeat with any power of two. */
function bytes(count: number): Buffer {
  const block = Buffer.from(Array.from({ length: 251 }, (_, index) => index));
  return Buffer.alloc(count, block);
}

test('known values, leading zeros included', () => {
  using tree = new Tree({ empty: '', abc: 'abc' });
  assert.equal(hasher.hashFile(tree.path('empty')), 'ef46db3751d8e999');
  assert.equal(hasher.hashFile(tree.path('abc')), '44bc2cf5ad770999');
  assert.equal(hasher.hashBytes(new Uint8Array()), 'ef46db3751d8e999');
  assert.equal(hasher.hashBytes(Buffer.from('abc')), '44bc2cf5ad770999');
  const hashes = Array.from({ length: 64 }, (_, index) => hasher.hashBytes(Buffer.from(`${index}`)));
  assert.ok(hashes.every((hash) => /^[0-9a-f]{16}$/.test(hash)));
});

test('a file hashes the same in one piece and as a stream', () => {
  for (const size of [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7]) {
    const content = bytes(size);
    using tree = new Tree({ file: content });
    assert.equal(hasher.hashFile(tree.path('file')), hasher.hashBytes(content), `${size} bytes`);
  }
});

test('a small file after a large one is not mixed up with it', () => {
  using tree = new Tree({ large: bytes(CHUNK + 5), small: 'abc', one: bytes(CHUNK) });
  hasher.hashFile(tree.path('large'));
  assert.equal(hasher.hashFile(tree.path('small')), '44bc2cf5ad770999');
  hasher.hashFile(tree.path('one'));
  assert.equal(hasher.hashFile(tree.path('small')), '44bc2cf5ad770999');
});

test('a file that says it is empty is read to its end all the same', () => {
  // Files in /proc have a size of 0.
  assert.notEqual(hasher.hashFile('/proc/version'), 'ef46db3751d8e999');
});

test('what cannot be read throws the error of node', () => {
  assert.throws(() => hasher.hashFile('/nonexistent'), { code: 'ENOENT' });
});
