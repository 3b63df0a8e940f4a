// Boots in a process of their own: typed into, interrupted, and killed without a chance to clean up.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, isInstalled, start } from '../../src/host/process/run.ts';
import { BootRig, mustBeOk } from '../rig/boot/rig.ts';

const PROGRAM = path.join(import.meta.dirname, '../rig/boot/booting.ts');
const WAITING = '\r\nwaiting here\r\n';

test('^a x leaves the serial console, and nothing was written', async () => {
  using rig = new BootRig();
  const image = rig.guest(WAITING);
  const before = readFileSync(image);
  const boot = await startBoot('interact', image);
  await boot.shows('waiting here');
  boot.child.stdin.write('\x01x');
  assert.deepEqual(mustBeOk(await boot.child.ended), { status: 0, signal: undefined });
  assert.match(boot.stderr(), /\^a x leaves, and all changes to the disk are discarded/);
  assert.deepEqual(readFileSync(image), before);
  assert.deepEqual(readdirSync(rig.directory), ['guest.img']);
});

test('a guest that powers off ends an interactive boot well', async () => {
  using rig = new BootRig();
  const boot = await startBoot('interact', rig.guest('\r\nbye\r\n', 'power off'));
  assert.equal(mustBeOk(await boot.child.ended).status, 0);
});

for (const mode of ['check', 'interact'] as const) {
  test(`SIGTERM ends a boot within two seconds: ${mode}`, async () => {
    using rig = new BootRig();
    const boot = await startBoot(mode, rig.guest(WAITING));
    await boot.shows('waiting here');
    const sentAt = performance.now();
    boot.child.kill('SIGTERM');
    assert.equal(mustBeOk(await boot.child.ended).status, 1);
    assert.ok(performance.now() - sentAt < 2000);
    assert.match(boot.stderr(), /failure: interrupted: the test boot was interrupted/);
    assert.deepEqual(readdirSync(rig.directory), ['guest.img']);
  });

  test(`SIGKILL takes QEMU along, and the next boot clears what it left: ${mode}`, async () => {
    using rig = new BootRig();
    assert.ok(isInstalled('setpriv'), 'this needs setpriv, of util-linux');
    const image = rig.guest(WAITING);
    const boot = await startBoot(mode, image);
    await boot.shows('waiting here');
    const qemu = childOf(boot.child.pid);
    boot.child.kill('SIGKILL');
    await boot.child.ended;
    for (let wait = 0; wait < 100 && isRunning(qemu); wait++) await sleep(20);
    assert.ok(!isRunning(qemu), 'QEMU outlives the process that started it');
    const left = readdirSync(rig.directory).filter((name) => name !== 'guest.img');
    assert.equal(left.length, 1);
    await rig.check(image, { timeout: 0.1 });
    assert.deepEqual(readdirSync(rig.directory), ['guest.img']);
  });
}

interface Boot {
  readonly child: Child;
  stderr(): string;
  shows(text: string): Promise<void>;
}

async function startBoot(mode: 'check' | 'interact', image: string): Promise<Boot> {
  const flags = ['--disable-warning=ExperimentalWarning', '--experimental-strip-types'];
  const child = await start(process.execPath, [...flags, PROGRAM, mode, image]);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes: Buffer) => {
    stdout += bytes;
  });
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes;
  });
  return {
    child,
    stderr: () => stderr,
    shows: async (text) => {
      for (let wait = 0; wait < 1000 && !stdout.includes(text); wait++) await sleep(20);
      assert.ok(stdout.includes(text), `it did not show ${text}, but ${stdout}\n${stderr}`);
    },
  };
}

/** proc(5): the one child of a process. */
function childOf(pid: number | undefined): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
  assert.ok(child, 'it has a child');
  return Number(child);
}

/** A zombie that nobody has waited for is no running process. */
function isRunning(pid: number): boolean {
  return (
    existsSync(`/proc/${pid}/exe`) && !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  );
}
