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
  const plugged = new Plugged(guest, shell, name);
  let device = await plugged.plug(sectorSize);
  if (!device.ok) return device;
  if (sectorSize === undefined) {
    const large = await hasLargeSectors(shell, device.value);
    if (!large.ok) return large;
    if (large.value) {
      const removed = await plugged.unplug();
      if (!removed.ok) return removed;
      device = await plugged.plug(4096);
      if (!device.ok) return device;
    }
  }
  const found = device.value;
  if (readOnly) {
    const marked = await markReadOnly(shell, found);
    if (!marked.ok) return marked;
  }
  const added = await addPartitions(shell, found);
  if (!added.ok) return added;
  return ok({
    device: found,
    continueIn: (root, file) => plugged.nodes.continueIn(shell, root, file),
    detach: async () => {
      const closed = await closeStacked(shell, found);
      if (!closed.ok) return closed;
      const flushed = readOnly ? ok() : await flush(shell, found);
      const released = await plugged.release();
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
  if (!formatted.ok) {
    await qmp.run('blockdev-del', { 'node-name': `${name}-file` });
    return cannotAttach(file, formatted.failure.message);
  }
  const plugged = new Plugged(guest, shell, name);
  const device = await plugged.plug();
  if (!device.ok) return device;
  return ok({
    device: device.value,
    detach: async () => {
      const flushed = access === 'read-only' ? ok() : await flush(shell, device.value);
      const released = await plugged.release();
      return released.ok ? flushed : released;
    },
  });
}

/** A disk whose nodes are open in QEMU. It is taken away with the shell of its run, at the latest; a guest that keeps it is ended. */
class Plugged {
  readonly nodes: DiskNodes;
  readonly #guest: Guest;
  readonly #shell: RootShell;
  readonly #name: string;
  #isIn = false;
  #released: Promise<Result<void>> | undefined;

  constructor(guest: Guest, shell: RootShell, name: string) {
    this.#guest = guest;
    this.#shell = shell;
    this.#name = name;
    this.nodes = new DiskNodes(guest, name);
    void shell.ended.then(() => this.release());
  }

  /** Returns the device. @param sectors their size, bytes */
  async plug(sectors = 512): Promise<Result<string>> {
    const name = this.#name;
    const size = { logical_block_size: sectors, physical_block_size: sectors };
    const device = { driver: 'nvme', id: name, serial: name, drive: name, ...size };
    this.#isIn = true;
    const plugged = await this.#guest.qmp.run('device_add', device);
    if (!plugged.ok) {
      this.#isIn = false;
      return plugged;
    }
    const found = await findDisk(this.#shell, name);
    return found.ok ? checkedDevice(found.value) : found;
  }

  async unplug(): Promise<Result<void>> {
    const removed = await this.#guest.qmp.unplug(this.#name);
    if (removed.ok) this.#isIn = false;
    return removed;
  }

  release(): Promise<Result<void>> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<Result<void>> {
    const removed = this.#isIn ? await this.unplug() : ok();
    const closed = removed.ok ? await this.nodes.close() : removed;
    if (!closed.ok) this.#guest.kill();
    return closed;
  }
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
