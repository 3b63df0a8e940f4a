// Disks in the guest: QEMU opens the qcow2, and the guest has it as an NVMe device, whose partitions are named as those of loop
// devices are.

import { fail, ok, type Result } from '../../model/failure.ts';
import { type AttachedDisk, DELTA_OPTIONS } from '../attach/backend.ts';
import {
  addPartitions,
  closeStacked,
  findDisk,
  flush,
  hasLargeSectors,
  markReadOnly,
} from '../root/agent-devices.ts';
import type { RootShell } from '../root/root-shell.ts';
import { DiskNodes } from './continue.ts';
import type { Guest } from './guest.ts';

/** Plugs a qcow2 into the guest. Fails as `host` with what QEMU says. */
export async function attachToGuest(
  guest: Guest,
  shell: RootShell,
  image: string,
  access: 'read-write' | 'read-only' = 'read-write',
  sectorSize?: number,
): Promise<Result<AttachedDisk>> {
  const readOnly = access === 'read-only';
  const name = guest.newName('disk');
  const { qmp } = guest;
  const options = { 'read-only': readOnly, ...DELTA_OPTIONS };
  const file = await qmp.run('blockdev-add', {
    driver: 'file',
    'node-name': `${name}-file`,
    filename: image,
    ...options,
  });
  if (!file.ok) return cannotAttach(image, file.failure.message);
  const opened = await qmp.run('blockdev-add', {
    driver: 'qcow2',
    'node-name': name,
    file: `${name}-file`,
    ...options,
    'detect-zeroes': readOnly ? 'off' : 'unmap',
  });
  if (!opened.ok) {
    await qmp.run('blockdev-del', { 'node-name': `${name}-file` });
    return cannotAttach(image, opened.failure.message);
  }
  const plug = async (sectors: number): Promise<Result<string>> => {
    const size = { logical_block_size: sectors, physical_block_size: sectors };
    const device = { driver: 'nvme', id: name, serial: name, drive: name, ...size };
    const plugged = await qmp.run('device_add', device);
    if (!plugged.ok) return plugged;
    const found = await findDisk(shell, name);
    return found.ok ? checkedDevice(found.value) : found;
  };
  let device = await plug(sectorSize ?? 512);
  if (!device.ok) return device;
  if (sectorSize === undefined) {
    const large = await hasLargeSectors(shell, device.value);
    if (!large.ok) return large;
    if (large.value) {
      const removed = await qmp.unplug(name);
      if (!removed.ok) return removed;
      device = await plug(4096);
      if (!device.ok) return device;
    }
  }
  const found = device.value;
  const nodes = new DiskNodes(guest, name);
  const release = releaser(guest, name, nodes);
  void shell.ended.then(release);
  if (readOnly) {
    const marked = await markReadOnly(shell, found);
    if (!marked.ok) return marked;
  }
  const added = await addPartitions(shell, found);
  if (!added.ok) return added;
  return ok({
    device: found,
    continueIn: (root, file) => nodes.continueIn(shell, root, file),
    detach: async () => {
      const closed = await closeStacked(shell, found);
      if (!closed.ok) return closed;
      const flushed = readOnly ? ok() : await flush(shell, found);
      const released = await release();
      return released.ok ? flushed : released;
    },
  });
}

/**
 * Shows a file of the host to the guest as a device. Its length there is rounded up to whole sectors. Fails as `host` with what
 * QEMU says.
 */
export async function lendFile(
  guest: Guest,
  shell: RootShell,
  file: string,
  access: 'read-write' | 'read-only' = 'read-only',
): Promise<Result<AttachedDisk>> {
  const { qmp } = guest;
  const name = guest.newName('disk');
  const options = { 'read-only': access === 'read-only', ...DELTA_OPTIONS };
  const node = { driver: 'file', 'node-name': `${name}-file`, filename: file, ...options };
  const opened = await qmp.run('blockdev-add', node);
  if (!opened.ok) return cannotAttach(file, opened.failure.message);
  const raw = { driver: 'raw', 'node-name': name, file: `${name}-file`, ...options };
  const formatted = await qmp.run('blockdev-add', raw);
  if (!formatted.ok) return formatted;
  const plugged = await qmp.run('device_add', { driver: 'nvme', id: name, serial: name, drive: name });
  if (!plugged.ok) return plugged;
  const found = await findDisk(shell, name);
  if (!found.ok) return found;
  const device = checkedDevice(found.value);
  if (!device.ok) return device;
  const release = releaser(guest, name, new DiskNodes(guest, name));
  void shell.ended.then(release);
  return ok({
    device: device.value,
    detach: async () => {
      const flushed = access === 'read-only' ? ok() : await flush(shell, device.value);
      const released = await release();
      return released.ok ? flushed : released;
    },
  });
}

/** A function that takes a disk away from the guest, once. A guest that keeps it is ended. */
function releaser(guest: Guest, name: string, nodes: DiskNodes): () => Promise<Result<void>> {
  let released: Promise<Result<void>> | undefined;
  const release = async () => {
    const removed = await guest.qmp.unplug(name);
    if (removed.ok) return nodes.close();
    guest.kill();
    return removed;
  };
  return () => (released ??= release());
}

/** The guest may be hostile: what it says becomes a device's name in requests to it, and nothing else. */
function checkedDevice(device: string): Result<string> {
  return /^\/dev\/nvme\d{1,4}n\d{1,4}$/.test(device)
    ? ok(device)
    : fail('host', 'the virtual machine did not answer with a device');
}

function cannotAttach(image: string, said: string): Result<never> {
  return fail('host', `QEMU cannot attach ${image}`, { detail: [said] });
}
