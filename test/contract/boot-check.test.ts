// Check boots of real machines: ready, panicked, ended, silent, interrupted; and nothing is left or written to.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../src/host/process/run.ts';
import { BootRig, mustBeOk, mustFail } from '../rig/boot/rig.ts';

const LOGIN = '\r\n\r\ntiny login: ';

test('a login prompt ends the check, and the image and its directory stay as they were', async () => {
  using rig = new BootRig();
  const image = rig.guest(LOGIN);
  const before = fingerprint(image);
  const { result, notes, console } = await rig.check(image);
  const report = mustBeOk(result);
  assert.equal(report.matched, 'tiny login:');
  assert.ok(report.secondsToReady > 0);
  assert.deepEqual(notes, ['emulating the processor (TCG), as requested']);
  assert.match(console, /SeaBIOS[\s\S]*\ntiny login: /);
  assert.deepEqual(fingerprint(image), before);
  assert.deepEqual(readdirSync(rig.directory), ['guest.img']);
});

test('an image is found through a symlink, beside which its backing files are not', async () => {
  using rig = new BootRig();
  const store = path.join(rig.directory, 'store, of: images');
  mkdirSync(store);
  renameSync(rig.guest(LOGIN), path.join(store, 'base.img'));
  const overlay = path.join(store, 'top.qcow2');
  mustBeOk(await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', './base.img', '-F', 'raw', overlay]));
  const link = path.join(rig.directory, 'image.qcow2');
  symlinkSync(path.join('store, of: images', 'top.qcow2'), link);
  const before = fingerprint(overlay);
  assert.equal(mustBeOk((await rig.check(link)).result).matched, 'tiny login:');
  assert.deepEqual(fingerprint(overlay), before);
});

test('the expected text may be any, and other output is waited over', async () => {
  using rig = new BootRig();
  const image = rig.guest('Last login: today\r\nservice 42 is up\r\n');
  assert.equal(mustBeOk((await rig.check(image, { expect: /service \d+/ })).result).matched, 'service 42');
  const failure = mustFail((await rig.check(image, { timeout: 1 })).result);
  assert.equal(failure.kind, 'work');
  assert.equal(failure.message, 'no login prompt within 1 s');
  assert.match(failure.hint ?? '', /console=ttyS0/);
  assert.ok(failure.detail?.includes('service 42 is up'));
});

test('a kernel panic fails at once, with the reason', async () => {
  using rig = new BootRig();
  const image = rig.guest('\r\nKernel panic - not syncing: no init\r\n---[ end Kernel panic ]---\r\n');
  const startedAt = performance.now();
  const failure = mustFail((await rig.check(image)).result);
  assert.ok(performance.now() - startedAt < 10_000);
  assert.equal(failure.kind, 'work');
  assert.equal(failure.message, 'the guest panicked: Kernel panic - not syncing: no init');
  assert.ok(failure.detail?.includes('---[ end Kernel panic ]---'));
});

test('a panic that may be expected is, and one with a reboot after it is still told as a panic', async () => {
  using rig = new BootRig();
  const image = rig.guest('\r\nKernel panic - not syncing: x\r\n', 'reset');
  assert.ok((await rig.check(image, { expect: /Kernel panic/ })).result.ok);
  assert.match(mustFail((await rig.check(image)).result).message, /^the guest panicked/);
});

for (const [ending, words] of [
  ['power off', 'the guest powered off before its login prompt appeared'],
  [
    'reset',
    'the guest rebooted (possibly a processor fault, or a panic with panic=N) before its login prompt appeared',
  ],
] as const) {
  test(`a guest that ends early fails the check: ${ending}`, async () => {
    using rig = new BootRig();
    const failure = mustFail((await rig.check(rig.guest('\r\nso long\r\n', ending))).result);
    assert.equal(failure.kind, 'work');
    assert.equal(failure.message, words);
    assert.ok(failure.detail?.includes('so long'));
  });
}

test('a guest that is ready with its last words was ready', async () => {
  using rig = new BootRig();
  assert.ok((await rig.check(rig.guest(LOGIN, 'power off'))).result.ok);
});

test('a disk without a boot loader is told from the firmware’s words', async () => {
  using rig = new BootRig();
  const failure = mustFail((await rig.check(rig.write('empty.img', Buffer.alloc(1024 * 1024)))).result);
  assert.match(failure.message, /^the guest has nothing to boot from: No bootable device/);
});

test('a disk for BIOS is booted with UEFI where that is asked for', async () => {
  using rig = new BootRig();
  const checked = await rig.check(rig.guest(LOGIN), { timeout: 60 }, { uefi: true });
  const failure = mustFail(checked.result);
  assert.match(failure.message, /^the guest has nothing to boot from: UEFI Interactive Shell/);
  assert.match(failure.hint ?? '', /grub-install --removable/);
});

test('a guest that never stops writing is stopped in time, and shown with its last lines only', async () => {
  using rig = new BootRig();
  const failure = mustFail((await rig.check(rig.guest('on and on\r\n', 'repeat'), { timeout: 1.5 })).result);
  assert.equal(failure.message, 'no login prompt within 1.5 s');
  assert.ok((failure.detail?.length ?? 99) <= 30);
});

test('a command fails when no agent answers, naming the package', async () => {
  using rig = new BootRig();
  const failure = mustFail((await rig.check(rig.guest(LOGIN), { commands: ['true'], timeout: 1.5 })).result);
  assert.equal(failure.kind, 'work');
  assert.equal(failure.message, 'the guest agent did not answer within 1.5 s');
  assert.match(failure.hint ?? '', /login prompt appeared.*qemu-guest-agent/);
});

test('an abort ends QEMU and removes the temporary files within two seconds', async () => {
  using rig = new BootRig();
  const abort = new AbortController();
  const image = rig.guest('\r\nwaiting\r\n');
  const checked = rig.check(image, {}, {}, abort.signal);
  await sleep(700);
  assert.equal(scratchDirectories(rig).length, 1);
  const abortedAt = performance.now();
  abort.abort();
  assert.equal(mustFail((await checked).result).kind, 'interrupted');
  assert.ok(performance.now() - abortedAt < 2000);
  assert.deepEqual(scratchDirectories(rig), []);
  assert.deepEqual(await qemusOf(image), []);
});

test('a signal that is aborted already boots nothing', async () => {
  using rig = new BootRig();
  const { result } = await rig.check(rig.guest(LOGIN), {}, {}, AbortSignal.abort());
  assert.equal(mustFail(result).kind, 'interrupted');
});

test('forwards are there while the guest runs; a port that is taken is told before', async () => {
  using rig = new BootRig();
  const image = rig.guest('\r\nwaiting\r\n');
  const forward = { address: '127.0.0.1', hostPort: 20_000 + (process.pid % 20_000), guestPort: 22 };
  const network = { type: 'user', forwards: [forward] } as const;
  const first = rig.check(image, { timeout: 3 }, { network });
  await reachable(forward.hostPort);
  const second = mustFail((await rig.check(image, {}, { network })).result);
  assert.equal(second.kind, 'host');
  assert.equal(second.message, `port ${forward.hostPort} on 127.0.0.1 is in use`);
  assert.match(mustFail((await first).result).message, /no login prompt/);
});

test('QEMU that cannot start is told with its own words', async () => {
  using rig = new BootRig();
  const network = { type: 'bridge', bridge: 'vlbnone0' } as const;
  const failure = mustFail((await rig.check(rig.guest(LOGIN), {}, { network })).result);
  assert.equal(failure.kind, 'host');
  assert.match(failure.message, /^QEMU failed with exit status 1: .*bridge/);
  assert.match(failure.hint ?? '', /bridge\.conf/);
});

function fingerprint(file: string): unknown {
  const { mtimeMs, ctimeMs, size } = statSync(file);
  return { mtimeMs, ctimeMs, size, hash: createHash('sha256').update(readFileSync(file)).digest('hex') };
}

function scratchDirectories(rig: BootRig): string[] {
  return readdirSync(rig.directory).filter((name) => name.startsWith('vlb-boot-'));
}

/** The QEMU processes that run an image. */
async function qemusOf(image: string): Promise<string[]> {
  const { stdout } = mustBeOk(await run('ps', ['-eo', 'pid,args']));
  return stdout.split('\n').filter((line) => line.includes('qemu-system') && line.includes(image));
}

/** Waits until something listens on a port of this host. */
async function reachable(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const there = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      // One that is destroyed before it is connected says nothing else.
      socket.on('close', () => resolve(false)).unref();
      setTimeout(() => socket.destroy(), 50).unref();
    });
    if (there) return;
    await sleep(30);
  }
  assert.fail(`nothing listens on port ${port}`);
}
