// The fuse backend: qemu-storage-daemon exports the qcow2 as one raw file (FUSE export), with a loop device over it.
// The only kernel modules it needs are loop and fuse.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { isInstalled, missingTool } from '../process/run.ts';
import {
  addPartitions,
  attachLoop,
  awaitAbsent,
  awaitFile,
  flush,
  freeLoop,
  hasEnded,
  hasLargeSectors,
  startDaemon,
} from '../root/agent-devices.ts';
import type { RootShell } from '../root/root-shell.ts';
import type { RunShell } from '../root/run-shell.ts';
import { LOOP_NOTE } from '../system/leftovers.ts';
import { type AttachedDisk, type Backend, DELTA_OPTIONS, ON_THIS_MACHINE } from './backend.ts';
import { openMonitor } from './monitor.ts';

export const fuseBackend: Backend = { ...ON_THIS_MACHINE, name: 'fuse', check, attach, lend: undefined };

async function check(): Promise<Result<void>> {
  for (const [node, module] of [
    ['/dev/fuse', 'fuse'],
    ['/dev/loop-control', 'loop'],
  ] as const) {
    if (!existsSync(node)) {
      return fail('host', `cannot attach disks: ${node} does not exist`, {
        hint: `run modprobe ${module}, or use a network block device: vlb build --nbd /dev/nbd0`,
      });
    }
  }
  return isInstalled('qemu-storage-daemon') ? ok() : missingTool('qemu-storage-daemon');
}

async function attach(
  run: RunShell,
  image: string,
  access: 'read-write' | 'read-only' = 'read-write',
  sectorSize?: number,
  continues = false,
): Promise<Result<AttachedDisk>> {
  const readOnly = access === 'read-only';
  const { shell } = run;
  const file = run.file('disk');
  const pidFile = run.file('daemon.pid');
  const note = run.file(LOOP_NOTE);
  for (const name of [file, note]) {
    const made = await shell.files.write(name, '');
    if (!made.ok) return made;
  }
  const monitor = continues ? await openMonitor(run) : ok(undefined);
  if (!monitor.ok) return monitor;
  const daemon = await startDaemon(shell, [
    'qemu-storage-daemon',
    ...(monitor.value?.options ?? []),
    '--blockdev',
    JSON.stringify({
      driver: 'file',
      'node-name': 'file',
      filename: image,
      'read-only': readOnly,
      ...DELTA_OPTIONS,
    }),
    '--blockdev',
    JSON.stringify({
      driver: 'qcow2',
      'node-name': 'disk',
      file: 'file',
      'read-only': readOnly,
      ...DELTA_OPTIONS,
      'detect-zeroes': readOnly ? 'off' : 'unmap',
    }),
    '--export',
    JSON.stringify({ type: 'fuse', id: 'disk', 'node-name': 'disk', mountpoint: file, writable: !readOnly }),
    // Written once all exports are ready.
    '--pidfile',
    pidFile,
  ]);
  if (!daemon.ok) return daemon;
  const ready = await awaitFile(shell, pidFile, daemon.value);
  if (!ready.ok) return ready;
  if (!ready.value.yes) return cannotAttach(image, ready.value.stderr);
  // Never --direct-io=on. A loop device with direct I/O has several writes under way at once, and QEMU's FUSE export
  // (without the patch "fuse: Copy write buffer content before polling", 2025) reads the next request into the buffer
  // of a write still in progress, so pages of one request are written in place of another's. With buffered I/O the
  // kernel's inode lock lets one write through at a time. The backend's contract test compares every byte.
  const large = sectorSize === undefined ? await hasLargeSectors(shell, file) : ok(sectorSize > 512);
  if (!large.ok) return large;
  const loop = await attachLoop(shell, { file, note, readOnly, sectorSize: large.value ? 4096 : 512 });
  if (!loop.ok) return (await missingLoop(shell)) ?? loop;
  const device = loop.value;
  const pinned = await shell.pinLoop(device);
  if (!pinned.ok) return pinned;
  // Kernels without partition parsing create no nodes.
  const nodes = await addPartitions(shell, device);
  if (!nodes.ok) return nodes;
  let isOver = false;
  return ok({
    device,
    ...(monitor.value ? { continueIn: monitor.value.continueIn } : {}),
    detach: () => {
      isOver = true;
      return detach(shell, device, pinned.value, daemon.value);
    },
    lost: async () => (!isOver && (await hasEnded(shell, daemon.value)) ? 'qemu-storage-daemon' : undefined),
  });
}

async function detach(
  shell: RootShell,
  device: string,
  holder: string,
  daemon: string,
): Promise<Result<void>> {
  // The last writer may not have waited for its writes: an error of one is reported here or never.
  const flushed = await flush(shell, device);
  if (!flushed.ok) return flushed;
  const dropped = await shell.stop(holder);
  if (!dropped.ok) return dropped;
  // The file is gone when the last user, which may be a file system, has closed the device and everything is written.
  const gone = await awaitAbsent(shell, `/sys/block/${path.basename(device)}/loop`);
  if (!gone.ok) return gone;
  if (!gone.value) return fail('host', `${device} is still in use a minute after vlb detached it`);
  const ended = await shell.stop(daemon);
  if (!ended.ok) return ended;
  return ended.value === 0 ? ok() : fail('host', `qemu-storage-daemon exited with status ${ended.value}`);
}

/** The failure for the next free loop device, where it has no node: in a container, /dev has those of its start. */
export async function missingLoop(shell: RootShell): Promise<ReturnType<typeof fail> | undefined> {
  const free = await freeLoop(shell);
  if (!free.ok || existsSync(free.value)) return undefined;
  return fail('host', `${free.value}, the next free one, is not in /dev`, {
    hint: `run mknod ${free.value} b 7 ${free.value.replace(/\D/g, '')}; or give the container the host's /dev`,
  });
}

function cannotAttach(image: string, said: string): Result<never> {
  const detail = said.trim().split('\n');
  // QEMU built without FUSE does not know exports of this type.
  return /does not accept value 'fuse'|Invalid parameter 'fuse'/.test(said)
    ? fail('host', 'this qemu-storage-daemon has no FUSE export', {
        detail,
        hint: 'install QEMU 6.0 or later, built with FUSE, or use a network block device: vlb build --nbd /dev/nbd0',
      })
    : fail('host', `qemu-storage-daemon cannot attach ${image}`, { detail });
}
