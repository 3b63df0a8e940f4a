// A planned disk as commands: what sfdisk(8) reads, what makes the file systems, and in which order they are mounted.

import {
  contentsOf,
  nameOfLuks,
  type Occupied,
  type PlannedDisk,
  type PlannedGroup,
  type PlannedMount,
  type PlannedPartition,
  type Role,
} from '../model/system/layout.ts';
import { FORMAT_FACTS, makeCommand } from './formats.ts';
import { EXTENT } from './lvm.ts';

/** The types of partitions: the UUIDs of the Discoverable Partitions Specification and of GRUB, and the numbers of an MBR. */
const TYPES: Readonly<Record<Role, { readonly gpt: string; readonly mbr: string }>> = {
  'bios-boot': { gpt: '21686148-6449-6E6F-744E-656564454649', mbr: 'da' },
  esp: { gpt: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B', mbr: 'ef' },
  swap: { gpt: '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F', mbr: '82' },
  linux: { gpt: '0FC63DAF-8483-4772-8E79-3D69D8477DE4', mbr: '83' },
  lvm: { gpt: 'E6D6D379-F507-44C2-A23C-238F2A3DF928', mbr: '8e' },
  luks: { gpt: 'CA7D7CCB-63ED-4C53-861C-1742536059CC', mbr: 'e8' },
};

/** The script for sfdisk(8) that writes the table. */
export function partitionScript({ table, identifier, sectorSize, partitions }: PlannedDisk): string {
  const active = partitions.find((partition) => table === 'mbr' && isActive(partition, partitions));
  const lines = partitions.map((partition) => {
    const { role, start, size, identifier: uuid } = partition;
    return [
      `start=${start / sectorSize}`,
      `size=${size / sectorSize}`,
      `type=${TYPES[role][table]}`,
      ...(uuid === undefined ? [] : [`uuid=${uuid}`]),
      ...(partition === active ? ['bootable'] : []),
    ].join(', ');
  });
  const label = table === 'gpt' ? 'gpt' : 'dos';
  return [`label: ${label}`, `label-id: ${identifier}`, 'unit: sectors', '', ...lines, ''].join('\n');
}

/** Some firmware boots no disk without one. */
function isActive(partition: PlannedPartition, all: readonly PlannedPartition[]): boolean {
  const has = (target: string) => (one: PlannedPartition) =>
    one.content?.mounts.some((mount) => mount.target === target) ?? false;
  return partition === (all.find(has('/boot')) ?? all.find(has('/')));
}

/** A word of a command: a text, or the device of a partition. */
export type Word = string | { readonly partition: number };

export interface Command {
  readonly words: readonly Word[];
  /** The secret that it reads from its standard input. */
  readonly secret?: string;
}

/** The programs that the commands run. */
export function programsFor(disk: PlannedDisk): readonly string[] {
  const { partitions, groups } = disk;
  const programs = [
    'sfdisk',
    ...contentsOf(disk).map(({ content }) => FORMAT_FACTS[content.format].program),
    ...(partitions.some(({ encryption }) => encryption) ? ['cryptsetup'] : []),
    ...(groups.length > 0 ? ['vgcreate', 'lvcreate'] : []),
  ];
  return [...new Set(programs)].sort();
}

/** The commands that make what is in the partitions: LUKS, LVM, and the file systems. */
export function makeCommands(disk: PlannedDisk): readonly Command[] {
  return [
    ...disk.partitions.flatMap(encryptCommands),
    ...disk.groups.flatMap((group) => groupCommands(group, disk)),
    ...contentsOf(disk).map((one) => ({
      words: [...makeCommand(one.content, one.size), deviceOf(one)],
    })),
  ];
}

/** The device of a file system or a swap. */
export function deviceOf({ partition, volume }: Occupied): Word {
  if (partition) return insideOf(partition);
  return `/dev/${volume}`;
}

/** The device of a partition, or of what LUKS has in it. */
function insideOf({ number, encryption }: PlannedPartition): Word {
  return encryption ? `/dev/mapper/${nameOfLuks(encryption)}` : { partition: number };
}

/**
 * The second recommended choice of RFC 9106, section 4, with the least number of passes that cryptsetup takes. Without it, cryptsetup
 * chooses what takes two seconds here, which in a virtual machine without KVM is little elsewhere.
 */
const KEY_DERIVATION = '--pbkdf argon2id --pbkdf-memory 65536 --pbkdf-parallel 4 --pbkdf-force-iterations 4';

function encryptCommands({ number, encryption }: PlannedPartition): readonly Command[] {
  if (!encryption) return [];
  const { uuid, secret } = encryption;
  const device = { partition: number };
  const format = ['--batch-mode', '--type', 'luks2', '--uuid', uuid, ...KEY_DERIVATION.split(' ')];
  return [
    { words: ['cryptsetup', 'luksFormat', ...format, device], secret },
    { words: ['cryptsetup', 'open', '--allow-discards', device, nameOfLuks(encryption)], secret },
  ];
}

function groupCommands({ name, volumes }: PlannedGroup, { partitions }: PlannedDisk): readonly Command[] {
  const members = partitions.filter(({ group }) => group === name).map(insideOf);
  const extent = `${EXTENT / 1024}k`;
  return [
    { words: ['vgcreate', '--quiet', '--physicalextentsize', extent, name, ...members] },
    ...volumes.map((volume) => ({
      words: [
        'lvcreate',
        '--quiet',
        '--yes',
        '--extents',
        String(volume.size / EXTENT),
        '--name',
        volume.name,
        name,
      ],
    })),
  ];
}

export interface MountInOrder extends PlannedMount {
  readonly of: Occupied;
}

/** All that is mounted, what is above before what is below it. */
export function mountsInOrder(disks: readonly PlannedDisk[]): readonly MountInOrder[] {
  return disks
    .flatMap(contentsOf)
    .flatMap((of) => of.content.mounts.map((mount) => ({ ...mount, of })))
    .toSorted((a, b) => depthOf(a.target) - depthOf(b.target) || (a.target < b.target ? -1 : 1));
}

function depthOf(target: string): number {
  return target === '/' ? 0 : target.split('/').length - 1;
}
