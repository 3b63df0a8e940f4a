// What is a login prompt, what is the end of a boot, and that both are seen however the text comes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConsoleWatch, LOGIN_PROMPT, type Sighting } from '../../../../../src/host/boot/console/watch.ts';

function watching(expect = LOGIN_PROMPT) {
  const seen: string[] = [];
  const watch = new ConsoleWatch(expect, {
    expected: (matched) => seen.push(`expected: ${matched}`),
    symptom: ({ symptom, line }: Sighting) => seen.push(`${symptom.meaning}: ${line}`),
  });
  return { watch, seen };
}

function look(text: string, expect = LOGIN_PROMPT): string[] {
  const { watch, seen } = watching(expect);
  watch.add(text);
  watch.look();
  return seen;
}

const PROMPTS: Readonly<Record<string, string>> = {
  Debian: '\n\nDebian GNU/Linux 12 debian ttyS0\n\ndebian login: ',
  Ubuntu: '\nUbuntu 24.04.1 LTS ubuntu-vm ttyS0\n\nubuntu-vm login: ',
  Fedora: '\nFedora Linux 41 (Cloud Edition)\nKernel 6.11.4 on x86_64 (ttyS0)\n\nfedora login: ',
  Alpine:
    '\nWelcome to Alpine Linux 3.20\nKernel 6.6.31-0-virt on an x86_64 (/dev/ttyS0)\n\nlocalhost login: ',
  'no name': '\nlogin: ',
  'a long name': '\nip-10-0-0-1.eu-central-1.compute.internal login: ',
  'the kernel over it': '\ndebian login: [   12.345678] random: crng init done\n',
  'cloud-init over it': '\ndebian login: ci-info: +++++++\n',
  autologin: '\ndebian login: root (automatic login)\n',
  'cut before the space': '\ndebian login:',
};
for (const [name, text] of Object.entries(PROMPTS)) {
  test(`a login prompt: ${name}`, () => assert.match(look(text)[0] ?? '', /^expected: (?:\S+ )?login:$/));
}

test('no login prompts', () => {
  for (const text of [
    '\nLast login: Mon',
    '\nLast login: ',
    '\nsystemd-logind: New',
    '\nfailed for login: x',
    '\nlogin:x',
  ]) {
    assert.deepEqual(look(text), [], text);
  }
});

const SYMPTOMS: readonly (readonly [text: string, report: RegExp])[] = [
  ['[    1.2] Kernel panic - not syncing: Attempted to kill init!', /^panicked: \[ {4}1\.2\] Kernel panic/],
  ['VFS: Unable to mount root fs on unknown-block(0,0)', /^cannot mount its root/],
  ['You are in emergency mode. After logging in, type "journalctl -xb"', /^stopped in emergency mode/],
  ['Give root password for maintenance', /^stopped in emergency mode/],
  ['Press Enter for maintenance', /^stopped in emergency mode/],
  ['Entering emergency mode. Exit the shell to continue.', /^stopped in its initramfs/],
  ['dracut:/# ', /^stopped in its initramfs: dracut/],
  ['ALERT!  /dev/vdz1 does not exist.  Dropping to a shell!', /^stopped in its initramfs/],
  ['(initramfs) ', /^stopped in its initramfs/],
  ['initramfs emergency recovery shell launched. Type ‘exit’ to continue boot', /^stopped in its initramfs/],
  ['systemd[1]: Freezing execution.', /^stopped because its init crashed/],
  ['grub rescue> ', /^stopped in its boot loader: grub rescue>/],
  ['grub> ', /^stopped in its boot loader/],
  ['Missing operating system', /^has no working boot loader/],
  ['No bootable device.', /^has nothing to boot from/],
  ['BdsDxe: No bootable option or device was found.', /^has nothing to boot from/],
  ['UEFI Interactive Shell v2.2', /^has nothing to boot from/],
];
for (const [text, report] of SYMPTOMS) {
  test(`the end of a boot: ${text}`, () => {
    const seen = look(`some line\n${text}\nmore`);
    assert.equal(seen.length, 1);
    assert.match(seen[0] ?? '', report);
  });
}

test('what comes first counts', () => {
  assert.deepEqual(look('\na login: \nKernel panic - not syncing: x'), [
    'expected: a login:',
    'panicked: Kernel panic - not syncing: x',
  ]);
  assert.deepEqual(look('\nKernel panic - not syncing: x\na login: '), [
    'panicked: Kernel panic - not syncing: x',
  ]);
  assert.equal(look('\nKernel panic - not syncing: x', /syncing/)[0], 'expected: syncing');
});

test('text that comes character by character is seen by itself, a moment later', async () => {
  const { watch, seen } = watching();
  for (const character of '\nhost login: ') watch.add(character);
  assert.deepEqual(seen, []);
  await sleep(60);
  assert.deepEqual(seen, ['expected: host login:']);
});

test('a match may span two looks', () => {
  const { watch, seen } = watching(/one\ntwo/);
  for (const part of ['x'.repeat(10_000), '\non', 'e\nt', 'wo']) {
    watch.add(part);
    watch.look();
  }
  assert.deepEqual(seen, ['expected: one\ntwo']);
});

test('the middle of an endless line is not the beginning of one', () => {
  const { watch, seen } = watching();
  for (let part = 0; part < 100; part++) {
    watch.add(`${'y'.repeat(200)} login: `);
    watch.look();
  }
  assert.deepEqual(
    seen,
    ['expected: '.concat('y'.repeat(200), ' login:')],
    'only the first, which begins the text',
  );
});

test('much text is looked through at once, and once', () => {
  const { watch, seen } = watching();
  const line = `${'z'.repeat(99)}\n`;
  const startedAt = performance.now();
  for (let part = 0; part < 200; part++) watch.add(line.repeat(1000));
  watch.add('end login: ');
  watch.look();
  assert.deepEqual(seen, ['expected: end login:']);
  assert.ok(performance.now() - startedAt < 20_000, 'twenty megabytes take a second or so, not minutes');
});
