// The nbd backend: qemu-nbd connects the qcow2 to a network block device of the kernel.

import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { isInstalled, lastLines, missingTool } from '../process/run.ts';
import type { RootShell } from '../root/root-shell.ts';
import type { AttachedDisk, Backend } from './backend.ts';
import { type Busy, connectedBy, NbdDevices } from './nbd-devices.ts';

/** The exit status of the agent's `locked` when another process holds the lock; qemu-nbd never exits with it. */
const LOCKED = 75;

/** A backend over the devices given with `--nbd`, used in turn. */
export function nbdBackend(given: readonly string[]): Backend {
  const names = [...new Set(given)];
  const devices = new NbdDevices(names);
  const giveBack = (disk: AttachedDisk): AttachedDisk => ({
    device: disk.device,
    detach: async () => {
      const detached = await disk.detach();
      devices.release(disk.device);
      return detached;
    },
  });
  return {
    name: 'nbd',
    check: () => check(names),
    attach: async (shell, image, directory, access) => {
      const disk = await devices.take(shell, (device) =>
        connect(shell, image, { device, directory }, access === 'read-only'),
      );
      return disk.ok ? ok(giveBack(disk.value)) : disk;
    },
    lend: async (shell, directory) => {
      const disk = await devices.take(shell, (device) => reserve(shell, { device, directory }));
      return disk.ok ? ok(giveBack(disk.value)) : disk;
    },
  };
}

async function check(devices: readonly string[]): Promise<Result<void>> {
  for (const device of devices) {
    if (!/^\/dev\/nbd\d+$/.test(device)) {
      return fail('usage', `"${device}" is not a network block device`, {
        hint: 'give one, for example --nbd /dev/nbd0',
      });
    }
    const trouble = troubleWith(device);
    if (trouble !== undefined) return fail('host', ...trouble);
  }
  const missing = ['qemu-nbd', 'flock'].find((tool) => !isInstalled(tool));
  return missing === undefined ? ok() : missingTool(missing);
}

function troubleWith(device: string): [message: string, more: { hint: string }] | undefined {
  const node = statSync(device, { throwIfNoEntry: false });
  if (node && !node.isBlockDevice()) {
    return [`${device} is not a block device`, { hint: `rm ${device}; modprobe -r nbd; modprobe nbd` }];
  }
  const number = Number(device.slice('/dev/nbd'.length));
  const isKnown = existsSync(path.join('/sys/block', path.basename(device)));
  if (node && isKnown) return undefined;
  const hint = existsSync('/sys/module/nbd')
    ? `the nbd module has fewer devices: modprobe -r nbd; modprobe nbd nbds_max=${Math.max(16, number + 1)}`
    : 'run modprobe nbd; if the kernel has no nbd module, omit --nbd: the fuse backend does not need it';
  // A node may have been created by hand, or be left over from a module that was unloaded.
  const message = node
    ? `the kernel has no ${device}, although a node of that name exists`
    : `${device} does not exist`;
  return [message, { hint }];
}

/** A device, and the directory of the attachment's own files. */
interface Place {
  readonly device: string;
  readonly directory: string;
}

/** What holds a device: `daemon` has the device's lock, and its messages go to the file `said`. */
interface Holder {
  readonly daemon: string;
  readonly said: string;
}

/** Starts a command under the lock of a device: the lock ends with the command and everything it started. */
async function startLocked(
  shell: RootShell,
  { device, directory }: Place,
  argv: readonly string[],
): Promise<Result<Holder>> {
  const name = path.basename(device);
  const said = path.join(directory, `${name}.said`);
  // In a directory where only root creates files: no other user can hold the lock.
  const daemon = await shell.start(['locked', `/run/vlb-${name}.lock`, said, ...argv]);
  return daemon.ok ? ok({ daemon: daemon.value, said }) : daemon;
}

async function connect(
  shell: RootShell,
  image: string,
  place: Place,
  readOnly: boolean,
): Promise<Result<AttachedDisk> | Busy> {
  const { device } = place;
  const started = await startLocked(shell, place, [
    'qemu-nbd',
    `--connect=${device}`,
    // It reports when it is connected, and stays in the foreground, so that vlb can wait for its end.
    '--verbose',
    '--format=qcow2',
    ...(readOnly ? ['--read-only'] : []),
    // Flushes wait for the commit.
    '--cache=unsafe',
    '--discard=unmap',
    '--detect-zeroes=unmap',
    image,
  ]);
  if (!started.ok) return started;
  const { daemon, said } = started.value;
  const sys = `/sys/block/${path.basename(device)}`;
  const ready = await shell.run(['await_connected', sys, daemon, said], [0, 1]);
  if (!ready.ok) return ready;
  if (ready.value.status !== 0) {
    const ended = await shell.stop(daemon);
    if (!ended.ok) return ended;
    if (ended.value === LOCKED) return takenByAnother(device);
    return (await connectedBy(device)) ?? cannotConnect(device, said, ready.value.stderr);
  }
  // Kernels without partition parsing create no nodes. A disk without a table has none to create.
  const nodes = await shell.run(['partx', '--update', device], [0, 1]);
  if (!nodes.ok) return nodes;
  return ok({ device, detach: () => disconnect(shell, device, started.value) });
}

async function disconnect(shell: RootShell, device: string, { daemon, said }: Holder): Promise<Result<void>> {
  const sys = `/sys/block/${path.basename(device)}`;
  const steps = [
    // The last writer may not have waited for its writes: an error of one is reported here or never.
    ['sync', device],
    ['qemu-nbd', '--disconnect', device],
    ['await_absent', `${sys}/pid`],
  ];
  for (const step of steps) {
    const done = await shell.run(step);
    if (!done.ok) return done;
  }
  // After the device is gone it still writes the rest of the qcow2.
  const ended = await shell.stop(daemon);
  if (!ended.ok) return ended;
  return ended.value === 0
    ? ok()
    : fail('host', `qemu-nbd exited with status ${ended.value}`, { detail: wordsIn(said) });
}

/** Reserves a device without connecting anything to it. */
async function reserve(shell: RootShell, place: Place): Promise<Result<AttachedDisk> | Busy> {
  const { device } = place;
  const started = await startLocked(shell, place, ['sleep', 'infinity']);
  if (!started.ok) return started;
  const { daemon, said } = started.value;
  const stop = () => shell.stop(daemon);
  const held = await shell.run(['await_file', said, daemon], [0, 1]);
  if (!held.ok) return held;
  const busy = held.value.status === 0 ? await connectedBy(device) : takenByAnother(device);
  if (busy) {
    const stopped = await stop();
    return stopped.ok ? busy : stopped;
  }
  return ok({
    device,
    detach: async () => {
      const stopped = await stop();
      return stopped.ok ? ok() : stopped;
    },
  });
}

function takenByAnother(device: string): Busy {
  return { busy: `${device} is reserved by another vlb` };
}

function cannotConnect(device: string, said: string, shellSaid: string): Result<never> {
  return fail('host', `qemu-nbd cannot connect ${device}`, {
    detail: [...lastLines(shellSaid, 5), ...wordsIn(said)],
  });
}

/** The last lines that a daemon printed, without the first line, which is from `locked`. */
function wordsIn(said: string): string[] {
  try {
    return lastLines(readFileSync(said, 'utf8').replace(/^.*\n/, ''), 5);
  } catch {
    return [];
  }
}
