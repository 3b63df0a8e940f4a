// Everything a boot needs before QEMU starts: turns options into a machine's specification and reports what is missing.

import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { DEFAULT_MEMORY_MIB, type MachineOptions } from '../../model/ports/booter.ts';
import type { DiskImage } from '../../model/ports/viewer.ts';
import { openImage } from '../images/open-image.ts';
import { qemuImg } from '../images/qemu-img.ts';
import { isInstalled, missingTool } from '../process/run.ts';
import { makeScratch } from '../process/scratch.ts';
import { makeSeed } from './guest/seed.ts';
import { type Medium, mediumFile, openMedium } from './medium.ts';
import { chooseAccelerator, lookAtKvm } from './qemu/accelerator.ts';
import type { MachineDisk, MachineSpec } from './qemu/arguments.ts';
import { findFirmware, type GuestArch, hasLargeSectors, readHead } from './qemu/firmware.ts';
import { checkForwards } from './qemu/forwards.ts';

/** A machine that is ready to start. Disposing of it removes its temporary files. */
export interface PreparedMachine extends Disposable {
  /** The QEMU program for the image's processor; it is installed. */
  readonly command: string;
  readonly spec: MachineSpec;
  /** Which accelerator, and why: a sentence without a full stop. */
  readonly why: string;
  /** A directory for QEMU's temporary files. */
  readonly scratch: string;
}

/** Images are built in a chroot, so they are for this host's processor. */
export const ARCHITECTURES: Readonly<Record<string, GuestArch>> = { x64: 'x86_64', arm64: 'aarch64' };

/** Fails as `usage` for wrong options and as `host` for what this host lacks; leaves nothing behind when it fails. */
export async function prepareMachine(
  options: MachineOptions,
  signal: AbortSignal,
): Promise<Result<PreparedMachine>> {
  const arch = ARCHITECTURES[process.arch];
  if (!arch) return fail('host', `test boots are not supported on ${process.arch}`);
  const command = `qemu-system-${arch}`;
  if (!isInstalled(command)) return missingTool(command);
  const medium = await openMedium(options.image, signal);
  if (!medium.ok) return medium;
  const disks: (MachineDisk | number)[] = [];
  for (const disk of options.disks ?? []) {
    const opened = 'size' in disk ? ok(disk.size) : await openImage(disk.file, 'booted', signal);
    if (!opened.ok) return opened;
    const serial = 'serial' in disk && disk.serial !== undefined ? { serial: disk.serial } : {};
    disks.push(typeof opened.value === 'number' ? opened.value : { ...opened.value, ...serial });
  }
  const accelerator = chooseAccelerator(options.accelerator ?? 'auto', lookAtKvm());
  if (!accelerator.ok) return accelerator;
  const network = options.network ?? { type: 'user', forwards: [] };
  if (network.type === 'user') {
    const free = await checkForwards(network.forwards);
    if (!free.ok) return free;
  }

  const scratch = makeScratch();
  if (!scratch.ok) return scratch;
  const files = await findFiles(medium.value, disks, arch, options, scratch.value.path, signal);
  if (!files.ok) {
    scratch.value[Symbol.dispose]();
    return files;
  }
  return ok({
    command,
    spec: {
      arch,
      accelerator: accelerator.value.accelerator,
      memoryMiB: options.memoryMiB ?? DEFAULT_MEMORY_MIB,
      cpus: options.cpus ?? Math.min(2, availableParallelism()),
      medium: medium.value,
      network,
      cards: options.cards ?? [{ model: 'virtio' }],
      uuid: options.uuid,
      ...files.value,
    },
    why: accelerator.value.why,
    scratch: scratch.value.path,
    [Symbol.dispose]: () => scratch.value[Symbol.dispose](),
  });
}

async function findFiles(
  medium: Medium,
  disks: readonly (MachineDisk | number)[],
  arch: GuestArch,
  { uefi = false, seed: seedDirectory }: MachineOptions,
  scratch: string,
  signal: AbortSignal,
): Promise<Result<Pick<MachineSpec, 'disks' | 'firmware' | 'seed' | 'hasLargeSectors'>>> {
  // Only disks have one: a disc is for both firmwares, and a kernel is loaded by either.
  const head = medium.type === 'disk' ? await readHead(medium.image, scratch, signal) : ok(new Uint8Array());
  if (!head.ok) return head;
  const firmware = findFirmware(mediumFile(medium), arch, uefi, head.value);
  if (!firmware.ok) return firmware;
  const files: MachineDisk[] = [];
  for (const [index, disk] of disks.entries()) {
    const file = typeof disk === 'number' ? await emptyDisk(disk, index, scratch) : ok(disk);
    if (!file.ok) return file;
    files.push(file.value);
  }
  const found = { disks: files, firmware: firmware.value, hasLargeSectors: hasLargeSectors(head.value) };
  if (seedDirectory === undefined) return ok({ ...found, seed: undefined });
  const seed = await makeSeed(path.resolve(seedDirectory), scratch, signal);
  return seed.ok ? ok({ ...found, seed: seed.value }) : seed;
}

async function emptyDisk(size: number, index: number, scratch: string): Promise<Result<DiskImage>> {
  const file = path.join(scratch, `empty-${index}.qcow2`);
  const created = await qemuImg.create(file, { size });
  return created.ok ? ok({ file, format: 'qcow2' }) : created;
}
