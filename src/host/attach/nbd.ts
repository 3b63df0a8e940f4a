// The nbd backend: qemu-nbd connects the qcow2 to a network block device of the kernel.

import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { isInstalled, lastLines, missingTool } from '../process/run.ts';
import {
  addPartitions,
  awaitAbsent,
  awaitConnected,
  awaitFile,
  disconnectNbd,
  flush,
  hasLargeSectors,
  startLocked,
} from '../root/agent-devices.ts';
import type { RunShell } from '../root/run-shell.ts';
import { type AttachedDisk, type Backend, ON_THIS_MACHINE } from './backend.ts';
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
    ...ON_THIS_MACHINE,
    name: 'nbd',
    check: () => check(names),
    attach: async (run, image, access, sectorSize) => {
      const disk = await devices.take(run.shell, (device) =>
        connect(run, image, device, access === 'read-only'),
      );
      if (!disk.ok) return disk;
      const { device } = disk.value;
      const large =
        sectorSize === undefined ? await hasLargeSectors(run.shell, device) : ok(sectorSize > 512);
      if (!large.ok) return large;
      return large.value ? largeSectors(giveBack(disk.value)) : ok(giveBack(disk.value));
    },
    lend: async (run) => {
      const disk = await devices.take(run.shell, (device) => reserve(run, device));
      return disk.ok ? ok(giveBack(disk.value)) : disk;
    },
  };
}

/** A network block device has the sectors of qemu-nbd. */
async function largeSectors(disk: AttachedDisk): Promise<Result<never>> {
  const detached = await disk.detach();
  if (!detached.ok) return detached;
  return fail('host', 'the disk is for sectors of 4096 bytes, which a network block device does not have', {
    hint: 'omit --nbd: the fuse backend attaches it',
  });
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

/** What holds a device: `daemon` has the device's lock, and its messages go to the file `said`. */
interface Holder {
  readonly daemon: string;
  readonly said: string;
}

/** Starts a command under the lock of a device: the lock ends with the command and everything it started. */
async function holdDevice(run: RunShell, device: string, argv: readonly string[]): Promise<Result<Holder>> {
  const name = path.basename(device);
  const said = run.file(`${name}.said`);
  // In a directory where only root creates files: no other user can hold the lock.
  const daemon = await startLocked(run.shell, { lock: `/run/vlb-${name}.lock`, said, argv });
  return daemon.ok ? ok({ daemon: daemon.value, said }) : daemon;
}

async function connect(
  run: RunShell,
  image: string,
  device: string,
  readOnly: boolean,
): Promise<Result<AttachedDisk> | Busy> {
  const { shell } = run;
  const started = await holdDevice(run, device, [
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
  const ready = await awaitConnected(shell, device, daemon, said);
  if (!ready.ok) return ready;
  if (!ready.value.yes) {
    const ended = await shell.stop(daemon);
    if (!ended.ok) return ended;
    if (ended.value === LOCKED) return takenByAnother(device);
    return (await connectedBy(device)) ?? cannotConnect(run, device, said, ready.value.stderr);
  }
  // Kernels without partition parsing create no nodes.
  const nodes = await addPartitions(shell, device);
  if (!nodes.ok) return nodes;
  return ok({ device, detach: () => disconnect(run, device, started.value) });
}

async function disconnect(run: RunShell, device: string, { daemon, said }: Holder): Promise<Result<void>> {
  const { shell } = run;
  // The last writer may not have waited for its writes: an error of one is reported here or never.
  const flushed = await flush(shell, device);
  if (!flushed.ok) return flushed;
  const disconnected = await disconnectNbd(shell, device);
  if (!disconnected.ok) return disconnected;
  const gone = await awaitAbsent(shell, `/sys/block/${path.basename(device)}/pid`);
  if (!gone.ok) return gone;
  if (!gone.value) return fail('host', `${device} is still connected a minute after vlb disconnected it`);
  // After the device is gone it still writes the rest of the qcow2.
  const ended = await shell.stop(daemon);
  if (!ended.ok) return ended;
  return ended.value === 0
    ? ok()
    : fail('host', `qemu-nbd exited with status ${ended.value}`, { detail: await wordsIn(run, said) });
}

/** Reserves a device without connecting anything to it. */
async function reserve(run: RunShell, device: string): Promise<Result<AttachedDisk> | Busy> {
  const { shell } = run;
  const started = await holdDevice(run, device, ['sleep', 'infinity']);
  if (!started.ok) return started;
  const { daemon, said } = started.value;
  const stop = () => shell.stop(daemon);
  const held = await awaitFile(shell, said, daemon);
  if (!held.ok) return held;
  const busy = held.value.yes ? await connectedBy(device) : takenByAnother(device);
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

async function cannotConnect(
  run: RunShell,
  device: string,
  said: string,
  shellSaid: string,
): Promise<Result<never>> {
  return fail('host', `qemu-nbd cannot connect ${device}`, {
    detail: [...lastLines(shellSaid, 5), ...(await wordsIn(run, said))],
  });
}

/** The last lines that a daemon printed, without the first line, which is from `locked`. */
async function wordsIn({ shell }: RunShell, said: string): Promise<string[]> {
  const text = await shell.files.read(said);
  return text.ok ? lastLines(text.value.toString().replace(/^.*\n/, ''), 5) : [];
}
