// What is taken for a disk image and is none.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FOREIGN_HEAD, foreignFile } from '../../../../src/host/images/foreign-file.ts';

for (const [content, what] of [
  ['version https://git-lfs.github.com/spec/v1\n', 'a Git LFS pointer, not the image'],
  ['../.git/annex/objects/a', 'a git-annex pointer, not the image'],
  ['<!doctype HTML><p>', 'an HTML page'],
  ['\n <!-- x -->\n<html lang="en">', 'an HTML page'],
  ['<?xml version="1.0"?>\n<html xmlns="x">', 'an HTML page'],
  ['<?xml version="1.0"?><Error/>', 'an XML document'],
  [`x${'é'.repeat(2048)}`, 'a text file'],
  ['x', 'a text file'],
  [Buffer.from('\ufeffutf-16', 'utf16le'), 'a text file'],
  ['\x7fELF\x02', 'a program or library (ELF)'],
  ['MZ\0\0', 'a program for Windows or UEFI'],
  ['!<arch>\ndebian-binary   1', 'a Debian package'],
  ['%PDF-1.7\n\0', 'a PDF document'],
] as const) {
  test(`${what}: ${JSON.stringify(content.toString().slice(0, 20))}`, () => {
    const bytes = Buffer.from(content);
    assert.equal(foreignFile(bytes)?.what, what);
  });
}

test('what may be a disk', () => {
  const bootSector = Buffer.alloc(512, 'MZ');
  bootSector.writeUInt16LE(0xaa55, 510);
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.alloc(FOREIGN_HEAD),
    bootSector,
    Buffer.from('text\0'),
    Buffer.from([0x80]),
  ]) {
    assert.equal(foreignFile(bytes), undefined);
  }
});
