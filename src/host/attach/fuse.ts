// The fuse backend: qemu-storage-daemon shows the qcow2 as one raw file (FUSE export), and a loop device stands on it.
// Needs no kernel module but loop and fuse.

import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { isInstalled, missingTool } from '../process/run.ts';
import type { RootShell } from '../root/root-shell.ts';
import { LOOP_NOTE } from '../system/leftovers.ts';
import { type AttachedDisk, type Backend, DELTA_OPTIONS } from './backend.ts';

export const fuseBackend: Backend = { name: 'fuse', check, attach, lend: undefined };

async function check(): Promise<Result<void>> {
  for (const [node, module] of [
    ['/dev/fuse', 'fuse'],
    ['/dev/loop-control', 'loop'],
  ] as const) {
    if (!existsSync(node)) {
      return fail('host', `${node} is missing, so no disk can be attached`, {
        hint: `modprobe ${module}; or use a network block device: vlb build --nbd /dev/nbd0`,
      });
    }
  }
  return isInstalled('qemu-storage-daemon') ? ok() : missingTool('qemu-storage-daemon');
}

async function attach(
  shell: RootShell,
  image: string,
  directory: string,
  access: 'read-write' | 'read-only' = 'read-write',
): Promise<Result<AttachedDisk>> {
  const readOnly = access === 'read-only';
  const file = path.join(directory, 'disk');
  const pidFile = path.join(directory, 'daemon.pid');
  const note = path.join(directory, LOOP_NOTE);
  for (const name of [file, note]) writeFileSync(name, '');
  const daemon = await shell.start([
    'qemu-storage-daemon',
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
    // Written once all exports stand.
    '--pidfile',
    pidFile,
  ]);
  if (!daemon.ok) return daemon;
  const ready = await shell.run(['await_file', pidFile, daemon.value], [0, 1]);
  if (!ready.ok) return ready;
  if (ready.value.status !== 0) {
    return cannotAttach(image, ready.value.stderr);
  }
  // Never --direct-io=on. A loop device with direct I/O has several writes under way at once, and QEMU's FUSE export
  // (without the patch "fuse: Copy write buffer content before polling", 2025) takes the next request into the buffer
  // of a write still in progress: one request's pages end in the place of another. Buffered, the kernel's inode lock
  // lets one write through at a time. The backend's contract test compares every byte.
  const mode = readOnly ? ['--read-only'] : [];
  const loop = await shell.run(['attach_loop', file, note, ...mode]);
  if (!loop.ok) return loop;
  const device = loop.value.stdout.trim();
  const held = await shell.hold(device);
  if (!held.ok) return held;
  // Kernels without partition parsing make no nodes by themselves. A disk without a table has none to make.
  const nodes = await shell.run(['partx', '--update', device], [0, 1]);
  if (!nodes.ok) return nodes;
  let isOver = false;
  return ok({
    device,
    detach: () => {
      isOver = true;
      return detach(shell, device, held.value, daemon.value);
    },
    lost: async () => (!isOver && (await hasEnded(shell, daemon.value)) ? 'qemu-storage-daemon' : undefined),
  });
}

/** Whether a daemon has ended; the shell may not have asked for its status yet. */
async function hasEnded(shell: RootShell, pid: string): Promise<boolean> {
  const alive = await shell.run(
    ['grep', '-q', '^State:[[:space:]]*[^ZX[:space:]]', `/proc/${pid}/status`],
    [0, 1, 2],
  );
  return alive.ok && alive.value.status !== 0;
}

async function detach(
  shell: RootShell,
  device: string,
  holder: string,
  daemon: string,
): Promise<Result<void>> {
  // Whoever wrote to the device may not have waited for it: what could not be written is told here, or never.
  const flushed = await shell.run(['sync', device]);
  if (!flushed.ok) return flushed;
  const dropped = await shell.stop(holder);
  if (!dropped.ok) return dropped;
  // The kernel's own word that the last user, a file system included, has let go and all is written.
  const gone = await shell.run(['await_absent', `/sys/block/${path.basename(device)}/loop`], [0, 1]);
  if (!gone.ok) return gone;
  if (gone.value.status !== 0) return fail('host', `${device} is still in use a minute after it was let go`);
  const ended = await shell.stop(daemon);
  if (!ended.ok) return ended;
  return ended.value === 0 ? ok() : fail('host', `qemu-storage-daemon ended with status ${ended.value}`);
}

function cannotAttach(image: string, said: string): Result<never> {
  const detail = said.trim().split('\n');
  // QEMU built without FUSE knows no export of that type.
  return /does not accept value 'fuse'|Invalid parameter 'fuse'/.test(said)
    ? fail('host', 'this qemu-storage-daemon has no FUSE export', {
        detail,
        hint: 'it needs QEMU 6.0 or later, built with FUSE; or use a network block device: vlb build --nbd /dev/nbd0',
      })
    : fail('host', `qemu-storage-daemon could not attach ${image}`, { detail });
}
