// A planned disk as commands: what sfdisk(8) reads, what makes the file systems, and in which order they are mounted.

import type { PlannedDisk, PlannedMount, PlannedPartition, Role } from '../model/system/layout.ts';
import { FORMAT_FACTS, makeCommand } from './formats.ts';

/** The types of partitions: the UUIDs of the Discoverable Partitions Specification and of GRUB, and the numbers of an MBR. */
const TYPES: Readonly<Record<Role, { readonly gpt: string; readonly mbr: string }>> = {
  'bios-boot': { gpt: '21686148-6449-6E6F-744E-656564454649', mbr: 'da' },
  esp: { gpt: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B', mbr: 'ef' },
  swap: { gpt: '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F', mbr: '82' },
  linux: { gpt: '0FC63DAF-8483-4772-8E79-3D69D8477DE4', mbr: '83' },
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

/** The programs that the commands run. */
export function programsFor({ partitions }: PlannedDisk): readonly string[] {
  const contents = partitions.flatMap(({ content }) => content ?? []);
  const programs = contents.map(({ format }) => FORMAT_FACTS[format].program);
  return [...new Set(['sfdisk', ...programs])].sort();
}

/** The command that makes the content of each partition. @param device the device of a partition, by its number */
export function makeCommands(
  { partitions }: PlannedDisk,
  device: (number: number) => string,
): readonly (readonly string[])[] {
  return partitions.flatMap(({ number, size, content }) =>
    content ? [makeCommand(content, size, device(number))] : [],
  );
}

export interface MountInOrder extends PlannedMount {
  readonly partition: PlannedPartition;
}

/** All that is mounted, what is above before what is below it. */
export function mountsInOrder({ partitions }: PlannedDisk): readonly MountInOrder[] {
  return partitions
    .flatMap((partition) => (partition.content?.mounts ?? []).map((mount) => ({ ...mount, partition })))
    .toSorted((a, b) => depthOf(a.target) - depthOf(b.target) || (a.target < b.target ? -1 : 1));
}

function depthOf(target: string): number {
  return target === '/' ? 0 : target.split('/').length - 1;
}
