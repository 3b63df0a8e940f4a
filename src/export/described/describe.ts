// What the formats with a description of the machine have in common.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Arch, type Description, diskIdentity } from '../../machine/description.ts';
import { type Failure, fail, failAt, ok, type Result } from '../../model/failure.ts';
import { diskName, type ExportDisk, type ExportJob, type Proposal } from '../../model/ports/exporter.ts';

const ARCHITECTURES: Readonly<Record<string, Arch>> = { x64: 'x86_64', arm64: 'aarch64' };

/** Images are built in a chroot, so they are for this host's processor. */
export function archHere(): Arch {
  return ARCHITECTURES[process.arch] ?? 'x86_64';
}

/** The machine of a job, with the names that its disks get. @param extension of their files, without a dot */
export function describe(
  { machine, disks }: Pick<ExportJob, 'machine' | 'disks'>,
  extension: string,
): Description {
  const one = (disk: ExportDisk) => ({
    name: disk.name,
    file: diskName(machine, disk, extension),
    size: disk.size,
    identity: diskIdentity(disk),
  });
  const [system, ...others] = disks;
  return { machine, arch: archHere(), disks: [one(system), ...others.map(one)] };
}

/** A text file of an export, or a script where it begins with `#!`. */
export function writeText(
  { directory }: Pick<ExportJob, 'directory'>,
  name: string,
  text: string,
): Result<void> {
  const file = path.join(directory, name);
  try {
    writeFileSync(file, text, { mode: text.startsWith('#!') ? 0o755 : 0o644, flag: 'wx' });
    return ok();
  } catch (error) {
    return failAt(file, 'cannot write the file', error);
  }
}

/** What a program knows of machines. */
interface Abilities {
  /** Of machines for other processors, the program knows nothing. */
  readonly architectures?: readonly Arch[];
  /** The models of network cards, as vlb.yaml names them. */
  readonly cards?: readonly string[];
  readonly secureBoot?: boolean;
  readonly uefi?: boolean;
  /** How many disks, network cards, and both together a machine can have. */
  readonly disks?: number;
  readonly networks?: number;
  readonly devices?: number;
}

/** Why a format cannot express a machine. */
export function unable(
  format: string,
  { machine, disks }: Pick<Proposal, 'machine' | 'disks'>,
  { architectures, cards, secureBoot = true, uefi = true, ...most }: Abilities,
): Failure | undefined {
  const arch = archHere();
  if (architectures && !architectures.includes(arch)) {
    return fail(
      'usage',
      `the format ${format} describes machines for ${architectures.join(' or ')}, and images are built for ${arch}`,
    ).failure;
  }
  const card = machine.networks.find(({ model }) => cards && !cards.includes(model));
  if (card) {
    return fail('usage', `the format ${format} has no network card ${card.model}`, {
      hint: `valid models with ${format}: ${cards?.join(', ')}`,
    }).failure;
  }
  const counts = [
    ['disks', disks.length, most.disks],
    ['network cards', machine.networks.length, most.networks],
    ['disks and network cards', disks.length + machine.networks.length, most.devices],
  ] as const;
  const over = counts.find(([, count, limit]) => count > (limit ?? count));
  if (over) {
    const [what, count, limit] = over;
    return fail(
      'usage',
      `the format ${format} has at most ${limit} ${what}, and ${machine.name} has ${count}`,
    ).failure;
  }
  if (machine.firmware === 'uefi' && !uefi) {
    return fail('usage', `the format ${format} cannot express firmware: uefi`, {
      hint: 'build an image that boots with a BIOS, and remove the field',
    }).failure;
  }
  if (machine.secureBoot && !secureBoot) {
    return fail('usage', `the format ${format} cannot express secure-boot: true`, {
      hint: 'remove the field, and turn it on in the program that runs the machine',
    }).failure;
  }
  return undefined;
}
