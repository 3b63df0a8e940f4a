// What vlb doctor prints, to the letter.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Finding } from '../../../../src/model/ports/checkup.ts';
import { createStyle } from '../../../../src/report/terminal/style.ts';
import { checkupText } from '../../../../src/report/text/checkup.ts';

const PLAIN = createStyle(false);
const build = { group: 'vlb build', needed: true } as const;
const boot = { group: 'vlb test-boot', needed: false } as const;

const QEMU: Finding = { ...build, name: 'qemu-img', state: 'ok', purpose: 'makes disks', detail: '7.2.22' };
const MOUNT: Finding = { ...build, name: 'mount', state: 'ok', purpose: 'mounts them' };
const FUSE: Finding = {
  ...build,
  name: '/dev/fuse',
  state: 'problem',
  purpose: 'shows them',
  detail: "dd: failed to open '/dev/fuse': Permission denied\x1b[31m",
  cure: 'modprobe fuse',
};
const BOOT: Finding = {
  ...boot,
  name: 'qemu-system-x86_64',
  state: 'missing',
  purpose: 'boots images',
  cure: 'apt-get install qemu-system-x86',
};

test('a heading, a line for each, what is wrong and what mends it, and a sentence', () => {
  assert.equal(
    checkupText([QEMU, MOUNT, FUSE, BOOT], PLAIN),
    `vlb build
  ok       qemu-img            makes disks (7.2.22)
  ok       mount               mounts them
  problem  /dev/fuse           shows them
           dd: failed to open '/dev/fuse': Permission denied
           help: modprobe fuse

vlb test-boot
  missing  qemu-system-x86_64  boots images
           help: apt-get install qemu-system-x86

vlb build cannot run on this machine. Missing: /dev/fuse`,
  );
});

test('the sentence says whether builds run, and what there could be besides', () => {
  const last = (findings: readonly Finding[]) => checkupText(findings, PLAIN).split('\n').at(-1);
  assert.equal(last([QEMU, BOOT]), 'vlb build can run. Optional, not available: qemu-system-x86_64');
  assert.equal(last([QEMU, MOUNT]), 'vlb build can run. Nothing is missing.');
});
