// The nbd backend: qemu-nbd connects the qcow2 to a network block device of the kernel.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { isInstalled, missingTool } from '../process.ts';
import type { AttachedDisk, Backend } from './backend.ts';
import type { RootShell } from './root-shell.ts';

/** flock's exit status when somebody else holds the lock; no exit status of qemu-nbd. */
const LOCKED = 75;

/** A backend over the devices given with `--nbd`, used in turn. */
export function nbdBackend(devices: readonly string[]): Backend {
  return {
    name: 'nbd',
    scriptDevice: devices[0],
    check: () => check(devices),
    attach: (shell, image, _directory, access) => attach(shell, image, devices, access === 'read-only'),
  };
}

/** The command under the lock of a device: the lock is let go when the command, and all it started, has ended. */
export function underDeviceLock(device: string, argv: readonly string[]): readonly string[] {
  const lock = `/run/lock/vlb-${path.basename(device)}`;
  return ['flock', '--nonblock', '--no-fork', '--conflict-exit-code', String(LOCKED), lock, ...argv];
}

async function check(devices: readonly string[]): Promise<Result<void>> {
  for (const device of devices) {
    if (!/^\/dev\/nbd\d+$/.test(device)) {
      return fail('usage', `"${device}" is no network block device`, {
        hint: 'give one like --nbd /dev/nbd0',
      });
    }
    if (!existsSync(device)) {
      return fail('host', `${device} is missing`, {
        hint: existsSync('/sys/module/nbd')
          ? 'the nbd module has fewer devices: modprobe -r nbd; modprobe nbd nbds_max=16'
          : 'modprobe nbd; where the kernel has no such module, leave --nbd out: the fuse backend needs none',
      });
    }
  }
  return isInstalled('qemu-nbd') ? ok() : missingTool('qemu-nbd');
}

async function attach(
  shell: RootShell,
  image: string,
  devices: readonly string[],
  readOnly: boolean,
): Promise<Result<AttachedDisk>> {
  const busy: string[] = [];
  for (const device of devices) {
    const user = connectedProcess(device);
    if (user !== undefined) {
      busy.push(`${device} is connected by process ${user}`);
      continue;
    }
    const connected = await connect(shell, image, device, readOnly);
    if (connected === undefined) busy.push(`${device} is taken by another vlb`);
    else return connected;
  }
  return fail('host', 'every network block device given is in use', {
    detail: busy,
    hint: `give a free one with --nbd, or disconnect one that nobody needs: qemu-nbd --disconnect ${devices[0]}`,
  });
}

/** Undefined when another vlb holds the device. */
async function connect(
  shell: RootShell,
  image: string,
  device: string,
  readOnly: boolean,
): Promise<Result<AttachedDisk> | undefined> {
  const daemon = await shell.start(
    underDeviceLock(device, [
      'qemu-nbd',
      `--connect=${device}`,
      '--format=qcow2',
      ...(readOnly ? ['--read-only'] : []),
      // Flushes wait for the commit.
      '--cache=unsafe',
      '--discard=unmap',
      '--detect-zeroes=unmap',
      image,
    ]),
  );
  if (!daemon.ok) return daemon;
  const sys = `/sys/block/${path.basename(device)}`;
  const ready = await shell.run(['await_connected', sys, daemon.value], [0, 1]);
  if (!ready.ok) return ready;
  if (ready.value.status !== 0) {
    const ended = await shell.stop(daemon.value);
    if (ended.ok && ended.value === LOCKED) return undefined;
    return fail('host', `qemu-nbd could not connect ${device}`, { detail: [ready.value.stderr.trim()] });
  }
  const nodes = await shell.run(['partx', '--update', device], [0, 1]);
  if (!nodes.ok) return nodes;
  return ok({ device, detach: () => disconnect(shell, device, sys, daemon.value) });
}

async function disconnect(
  shell: RootShell,
  device: string,
  sys: string,
  daemon: string,
): Promise<Result<void>> {
  const steps = [
    ['blockdev', '--flushbufs', device],
    ['qemu-nbd', `--disconnect`, device],
    ['await_absent', `${sys}/pid`],
  ];
  for (const step of steps) {
    const done = await shell.run(step);
    if (!done.ok) return done;
  }
  const ended = await shell.stop(daemon);
  if (!ended.ok) return ended;
  return ended.value === 0 ? ok() : fail('host', `qemu-nbd ended with status ${ended.value}`);
}

function connectedProcess(device: string): string | undefined {
  try {
    return readFileSync(`/sys/block/${path.basename(device)}/pid`, 'utf8').trim();
  } catch {
    return undefined; // the file is there only while something is connected
  }
}
