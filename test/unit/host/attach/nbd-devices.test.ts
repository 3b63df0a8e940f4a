// Who gets which network block device, who waits, and which request fails.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { NbdDevices } from '../../../../src/host/attach/nbd-devices.ts';
import { localFiles } from '../../../../src/host/root/root-files.ts';
import type { RootShell } from '../../../../src/host/root/root-shell.ts';
import { fail, ok } from '../../../../src/model/failure.ts';
import { failureIn, valueIn } from '../../../rig/tree.ts';

/** No kernel has as many. */
const A = '/dev/nbd900000';
const B = '/dev/nbd900001';

/** A run, of which nothing counts here but when it ends. */
function newRun() {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const unused = () => assert.fail('no command is run');
  const shell: RootShell = {
    pid: undefined,
    files: localFiles,
    ended,
    run: unused,
    stream: unused,
    pass: unused,
    join: unused,
    start: unused,
    stop: unused,
    pinLoop: unused,
    write: unused,
    kill: unused,
    [Symbol.asyncDispose]: unused,
  };
  return { shell, end };
}

const take = (devices: NbdDevices, { shell }: ReturnType<typeof newRun>) =>
  devices.take(shell, async (device) => ok(device));

/** Whether something settles without anything else happening. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  for (let turn = 0; turn < 5; turn++) await setImmediate();
  return Promise.race([promise.then(() => true), setImmediate(false)]);
}

test('each run gets a device of its own, and one that is busy is passed over', async () => {
  const devices = new NbdDevices([A, B]);
  const other = newRun();
  const taken = await devices.take(other.shell, async (device) =>
    device === A ? { busy: `${A} is reserved by another vlb` } : ok(device),
  );
  assert.equal(valueIn(taken), B);
  assert.equal(valueIn(await take(devices, newRun())), A);
});

test('a run waits for a device that another one has, until it is released or that run ends', async () => {
  const devices = new NbdDevices([A]);
  const [first, second, third] = [newRun(), newRun(), newRun()];
  valueIn(await take(devices, first));
  const waiting = take(devices, second);
  assert.equal(await isSettled(waiting), false);
  devices.release(A);
  assert.equal(valueIn(await waiting), A);
  const waitingToo = take(devices, third);
  assert.equal(await isSettled(waitingToo), false);
  second.end();
  assert.equal(valueIn(await waitingToo), A);
});

test('what a run took before it ended is not taken from the next', async () => {
  const devices = new NbdDevices([A]);
  const [first, second, third] = [newRun(), newRun(), newRun()];
  valueIn(await take(devices, first));
  devices.release(A);
  valueIn(await take(devices, second));
  first.end();
  assert.equal(await isSettled(take(devices, third)), false);
});

test('a run that ends while it waits stops waiting', async () => {
  const devices = new NbdDevices([A]);
  const [first, second] = [newRun(), newRun()];
  valueIn(await take(devices, first));
  const waiting = take(devices, second);
  second.end();
  assert.equal(failureIn(await waiting).kind, 'interrupted');
});

test('a run that needs more than there are fails, and so does the last of those that would wait for each other', async () => {
  const alone = new NbdDevices([A]);
  const run = newRun();
  valueIn(await take(alone, run));
  const { kind, detail, hint } = failureIn(await take(alone, run));
  assert.equal(kind, 'host');
  assert.deepEqual(detail, [`${A} is attached to the layer's own disk`]);
  assert.match(hint ?? '', /one for each layer that it mounts/);

  const devices = new NbdDevices([A, B]);
  const [first, second] = [newRun(), newRun()];
  valueIn(await take(devices, first));
  valueIn(await take(devices, second));
  const waiting = take(devices, first);
  assert.equal(await isSettled(waiting), false);
  assert.equal(failureIn(await take(devices, second)).kind, 'host');
  second.end();
  assert.equal(valueIn(await waiting), B);
});

test('devices in use are listed one by one, and a failure keeps nothing', async () => {
  const devices = new NbdDevices([A, B]);
  const busy = await devices.take(newRun().shell, async (device) => ({ busy: `${device} is busy` }));
  assert.deepEqual(failureIn(busy).detail, [`${A} is busy`, `${B} is busy`]);
  assert.match(failureIn(busy).hint ?? '', /qemu-nbd --disconnect/);
  const broken = await devices.take(newRun().shell, async () => fail('host', 'no disk'));
  assert.equal(failureIn(broken).message, 'no disk');
  assert.equal(valueIn(await take(devices, newRun())), A);
});
