// Images that can be booted, and what is said of those that cannot.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { needsUefi } from '../../../../src/host/boot/qemu/firmware.ts';
import { openImage } from '../../../../src/host/images/open-image.ts';
import { run, start } from '../../../../src/host/process/run.ts';
import { diskThatWrites } from '../../../rig/boot/boot-sector.ts';
import { BootRig, mustBeOk, mustFail } from '../../../rig/boot/rig.ts';

const never = new AbortController().signal;

test('formats are recognized by the first bytes, whatever the name', async () => {
  using rig = new BootRig();
  const raw = rig.write('raw.qcow2', Buffer.alloc(1024 * 1024));
  assert.deepEqual(mustBeOk(await openImage(raw, 'booted', never)), { file: raw, format: 'raw' });
  const qcow2 = path.join(rig.directory, 'disk.img');
  mustBeOk(await run('qemu-img', ['create', '-q', '-f', 'qcow2', qcow2, '1M']));
  assert.deepEqual(mustBeOk(await openImage(qcow2, 'booted', never)), { file: qcow2, format: 'qcow2' });
});

test('what is not an image', async () => {
  using rig = new BootRig();
  mkdirSync(path.join(rig.directory, 'directory'));
  const cases: readonly (readonly [file: string, message: string])[] = [
    [path.join(rig.directory, 'missing.qcow2'), 'image not found'],
    [path.join(rig.directory, 'directory'), 'this file cannot be booted: it is a directory'],
    [rig.write('empty', ''), 'this file cannot be booted: it is empty'],
    [
      rig.write('gz', Buffer.from([0x1f, 0x8b, 8, 0])),
      'this file cannot be booted: it is compressed with gzip',
    ],
    [rig.write('vmdk', 'KDMV\0\0'), 'this file cannot be booted: it refers to other files'],
    [
      rig.write('descriptor', '# Disk DescriptorFile\n'),
      'this file cannot be booted: it refers to other files',
    ],
    [rig.write('zip', 'PK\x03\x04'), 'this file cannot be booted: it is a zip archive'],
    [
      rig.write('ova', `${'disk'.padEnd(257, '\0')}ustar\0`),
      'this file cannot be booted: it is a tar archive, as an OVA is',
    ],
    [
      rig.write('luks', Buffer.from('LUKS\xba\xbe\0\x01', 'latin1')),
      'this file cannot be booted: it is encrypted',
    ],
  ];
  for (const [file, message] of cases) {
    const failure = mustFail(await openImage(file, 'booted', never));
    assert.equal(failure.message, message);
    assert.equal(failure.kind, 'usage');
    assert.equal(failure.where?.file, file);
  }
});

test('a chain with a missing end', async () => {
  using rig = new BootRig();
  const top = path.join(rig.directory, 'top.qcow2');
  mustBeOk(
    await run('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-F',
      'qcow2',
      '-u',
      '-b',
      './gone.qcow2',
      top,
      '1M',
    ]),
  );
  const failure = mustFail(await openImage(top, 'booted', never));
  assert.equal(failure.kind, 'host');
  assert.match(failure.detail?.join('\n') ?? '', /gone\.qcow2/);
});

test('an image that another process writes to', async () => {
  using rig = new BootRig();
  const image = path.join(rig.directory, 'busy.qcow2');
  mustBeOk(await run('qemu-img', ['create', '-q', '-f', 'qcow2', image, '1M']));
  const writer = await start('qemu-io', ['-f', 'qcow2', image]);
  writer.stdin.write('info\n');
  await once(writer.stdout, 'data');
  try {
    const failure = mustFail(await openImage(image, 'booted', never));
    assert.equal(failure.kind, 'host');
    assert.equal(failure.message, 'another process is writing to the image');
    assert.equal((await rig.check(image)).result.ok, false);
  } finally {
    writer.kill('SIGKILL');
    await writer.ended;
  }
});

test('which disks need a UEFI', () => {
  const blank = Buffer.alloc(1024);
  assert.ok(!needsUefi(blank));
  const gpt = Buffer.from(blank);
  gpt.write('EFI PART', 512, 'latin1');
  assert.ok(needsUefi(gpt));
  const withBootCode = Buffer.from(gpt);
  withBootCode[0] = 0xeb;
  assert.ok(!needsUefi(withBootCode), 'a BIOS can start it');
  const mbr = Buffer.from(blank);
  mbr[446 + 16 + 4] = 0xef;
  assert.ok(needsUefi(mbr));
  assert.ok(!needsUefi(diskThatWrites('x')));
});
