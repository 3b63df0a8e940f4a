// How long a disk is by what is on it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { leastBytes } from '../../../../src/host/images/extent.ts';
import { withFile } from '../../../../src/util/fs.ts';
import { Tree } from '../../../rig/tree.ts';

const MEBIBYTE = 2 ** 20;

for (const [what, commands, least] of [
  ['nothing', ':', 0],
  [
    'a GPT',
    "printf 'label: gpt\\n2: start=4M, size=2M\\n1: start=1M, size=1M\\n' | sfdisk -q disk",
    6 * MEBIBYTE,
  ],
  [
    'an MBR',
    "printf 'label: dos\\nstart=1M, size=2M\\nstart=3M, size=3M, type=5\\nstart=4M\\n' | sfdisk -q disk",
    6 * MEBIBYTE,
  ],
  ['a table without partitions', "echo 'label: gpt' | sfdisk -q disk", 0],
  ['ext4', 'mkfs.ext4 -q disk 7M', 7 * MEBIBYTE],
  [
    'the boot code of a file system',
    "printf '\\125\\252' | dd of=disk bs=1 seek=510 conv=notrunc; yes A | dd of=disk bs=1 seek=446 count=64 conv=notrunc",
    0,
  ],
] as const) {
  test(what, () => {
    using tree = new Tree();
    const tools = { cwd: tree.directory, env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` } };
    execFileSync('sh', ['-euc', `truncate -s 8M disk; { ${commands}; } 2>/dev/null`], tools);
    assert.equal(withFile(tree.path('disk'), leastBytes), least);
  });
}

test('a GPT of large sectors', () => {
  const disk = Buffer.alloc(16_384);
  disk.write('EFI PART', 4096);
  disk.writeBigUInt64LE(2n, 4096 + 72);
  for (const [at, value] of [
    [4096 + 80, 4],
    [4096 + 84, 128],
    [8192 + 128, 1],
    [8192 + 128 + 40, 511],
  ] as const) {
    disk.writeUInt32LE(value, at);
  }
  assert.equal(
    leastBytes((offset, length) => disk.subarray(offset, offset + length)),
    2 * MEBIBYTE,
  );
});
