// The backing file's name in real qcow2 files, and in what only looks like one.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { backingFile } from '../../../../src/store/local/qcow2-header.ts';
import { Tree } from '../../../rig/tree.ts';

function qemuImg(tree: Tree, ...args: string[]): void {
  execFileSync('qemu-img', args, { cwd: tree.directory, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** A header with these values and the text behind it. */
function header(offset: bigint, length: number, text = ''): Buffer {
  const buffer = Buffer.alloc(104);
  buffer.write('QFI\xfb', 'latin1');
  buffer.writeUInt32BE(3, 4);
  buffer.writeBigUInt64BE(offset, 8);
  buffer.writeUInt32BE(length, 16);
  return Buffer.concat([buffer, Buffer.from(text)]);
}

test('real files: none, a short one, one that is long and not ASCII; both versions of the format', () => {
  using tree = new Tree();
  qemuImg(tree, 'create', '-q', '-f', 'qcow2', 'alone.qcow2', '1M');
  assert.equal(backingFile(tree.path('alone.qcow2')), undefined);
  const long = `./${'ä'.repeat(120)}.qcow2`;
  for (const [index, name] of ['./alone.qcow2', long].entries()) {
    for (const compat of ['0.10', '1.1']) {
      const file = `delta-${index}-${compat}.qcow2`;
      qemuImg(
        tree,
        'create',
        '-q',
        '-u',
        '-f',
        'qcow2',
        '-o',
        `compat=${compat}`,
        '-F',
        'qcow2',
        '-b',
        name,
        file,
        '1M',
      );
      assert.equal(backingFile(tree.path(file)), name, compat);
    }
  }
  qemuImg(tree, 'rebase', '-u', '-F', 'qcow2', '-b', './other.qcow2', 'alone.qcow2');
  assert.equal(backingFile(tree.path('alone.qcow2')), './other.qcow2');
  qemuImg(tree, 'rebase', '-u', '-b', '', 'alone.qcow2');
  assert.equal(backingFile(tree.path('alone.qcow2')), undefined);
});

test('a header made by hand is read like a real one', () => {
  using tree = new Tree({ file: header(104n, 9, './a.qcow2 and more') });
  assert.equal(backingFile(tree.path('file')), './a.qcow2');
});

describe('what has no backing file', () => {
  const real = header(104n, 9, './a.qcow2');
  for (const [what, content] of [
    ['an empty file', ''],
    ['a raw disk', Buffer.alloc(4096)],
    ['a text', '#!/bin/sh\necho hello\n'],
    ['a header cut short', real.subarray(0, 19)],
    ['a header whose name was cut off', real.subarray(0, 104)],
    ['a header whose name was cut short', real.subarray(0, 108)],
    ['a header whose name lies behind the end of every file', header(0xffff_ffff_ffff_ffffn, 9)],
    ['a header whose name lies behind its own end', header(1n << 40n, 9)],
  ] as const) {
    test(what, () => {
      using tree = new Tree({ file: content });
      assert.equal(backingFile(tree.path('file')), undefined);
    });
  }

  test('a missing file, and a directory', () => {
    using tree = new Tree();
    mkdirSync(tree.path('directory'));
    assert.equal(backingFile(tree.path('missing')), undefined);
    assert.equal(backingFile(tree.path('directory')), undefined);
  });

  test('no more is read than the format allows', () => {
    using tree = new Tree({ file: header(104n, 0xffff_ffff, 'x'.repeat(5000)) });
    assert.ok((backingFile(tree.path('file'))?.length ?? 0) <= 1023);
  });
});
