// The storage planner: from what a user wants of a disk to a table with all places and identifiers. It is pure.
//
// Partitions are in the order of the list, and those that booting takes are before them. All begin and end at whole MiB, which is right
// for every disk and every sector size. A volume group without a partition in the list gets one in the place of its first volume.

import type {
  DiskLayout,
  Format,
  PartitionWish,
  PlannedContent,
  PlannedDisk,
  PlannedGroup,
  PlannedPartition,
  Role,
} from '../model/system/layout.ts';
import { formatBytes } from '../util/units.ts';
import { checkLayout } from './check.ts';
import { FORMAT_FACTS } from './formats.ts';
import { contentIdentifier, mbrIdentifier, uuidOf } from './identifiers.ts';
import {
  EXTENT,
  type GroupSizes,
  groupNames,
  isImplied,
  LUKS_HEADER,
  leastOf,
  memberHeader,
  needOf,
  sizeVolumes,
  volumesOf,
} from './lvm.ts';
import { isEsp, type LayoutProblem, nameOf } from './names.ts';
import { divide, type Share } from './sizes.ts';

export const ALIGNMENT = 2 ** 20;

/** The core of GRUB takes some 40 KiB. */
const BIOS_BOOT_SIZE = 2 ** 20;
const ESP_SIZE = 100 * 2 ** 20;

export type Planned =
  | { readonly ok: true; readonly disk: PlannedDisk }
  | { readonly ok: false; readonly problem: LayoutProblem };

/**
 * The plan of a disk.
 * @param name what identifiers that are not given are made of: the same name and layout have the same ones
 */
export function planDisk(layout: DiskLayout, name: readonly string[]): Planned {
  const problem = checkLayout(layout) ?? tooSmall(layout);
  if (problem) return { ok: false, problem };
  const parts = [...bootParts(layout), ...listedParts(layout)];
  // The first MiB has the table and, in an MBR, GRUB; the last one the backup of a GPT.
  const reserved = layout.table === 'gpt' ? 2 : 1;
  const space = Math.floor(layout.size / ALIGNMENT) - reserved;
  const divided = divide(space, parts.map(shareOf));
  if (!divided.ok) return { ok: false, problem: tooLarge(layout, parts, divided.lacking) };
  let start = ALIGNMENT;
  const partitions = parts.map((part, index): PlannedPartition => {
    const size = (divided.sizes[index] ?? 0) * ALIGNMENT;
    const words = [...name, part.name];
    const { role, wish, group } = part;
    const secret = wish?.wish.passphrase;
    const planned = {
      number: index + 1,
      wish: wish?.index,
      role,
      start,
      size,
      identifier: layout.table === 'gpt' ? uuidOf(...words, 'partition') : undefined,
      content: role === 'esp' && !wish ? espContent(words) : wish && contentOf(wish.wish, role, words),
      ...(secret === undefined ? {} : { encryption: { secret, uuid: uuidOf(...words, 'luks') } }),
      ...(group === undefined ? {} : { group }),
    };
    start += size;
    return planned;
  });
  const groups: PlannedGroup[] = [];
  for (const group of groupNames(layout)) {
    const members = partitions.filter((one) => one.group === group);
    const sized = sizeVolumes(
      layout,
      group,
      members.map(({ size, wish: index }) => ({ size, index })),
    );
    if (!sized.ok) return sized;
    groups.push({ name: group, volumes: sized.volumes.map((volume) => plannedVolume(volume, layout, name)) });
  }
  const { size, table, sectorSize } = layout;
  const identifier = table === 'gpt' ? uuidOf(...name, 'table') : mbrIdentifier(...name, 'table');
  return { ok: true, disk: { size, table, sectorSize, identifier, partitions, groups } };
}

/** A partition to be placed. */
interface Part {
  readonly role: Role;
  /** Unique on the disk. */
  readonly name: string;
  readonly wish: { readonly wish: PartitionWish; readonly index: number } | undefined;
  /** The least that it can be, bytes. */
  readonly least: number;
  /** The most that one becomes that is not in the list. */
  readonly most?: number;
  /** The volume group that has it. */
  readonly group?: string | undefined;
}

/** What the firmware needs, unless the list has it. */
function bootParts({ table, boot, partitions }: DiskLayout): readonly Part[] {
  const parts: Part[] = [];
  if (boot.includes('bios') && table === 'gpt') {
    parts.push({ role: 'bios-boot', name: 'bios-boot', wish: undefined, least: BIOS_BOOT_SIZE });
  }
  if (boot.includes('uefi') && !partitions.some(isEsp)) {
    parts.push({ role: 'esp', name: 'esp', wish: undefined, least: ESP_SIZE });
  }
  return parts;
}

/** The partitions of the list, with one for each group that has none there. */
function listedParts(layout: DiskLayout): readonly Part[] {
  return layout.partitions.flatMap((wish, index) => {
    const { volume } = wish;
    if (!volume) return [wishedPart(wish, index, layout)];
    const volumes = volumesOf(layout, volume.group);
    if (volumes[0]?.index !== index || !isImplied(layout, volume.group)) return [];
    const need = needOf(volumes);
    const header = memberHeader({});
    const [least, most] = [need.least + header, need.most + header];
    return [
      {
        role: 'lvm' as const,
        name: `lvm ${volume.group}`,
        wish: undefined,
        least,
        most,
        group: volume.group,
      },
    ];
  });
}

function wishedPart(wish: PartitionWish, index: number, layout: DiskLayout): Part {
  const role = roleOf(wish, index);
  const least = wish.group === undefined ? leastInPartition(wish) : leastOfMember(wish, layout);
  return { role, name: identityOf(wish, index), wish: { wish, index }, least, group: wish.group };
}

function roleOf(wish: PartitionWish, index: number): Role {
  if (wish.passphrase !== undefined) return 'luks';
  if (wish.group !== undefined) return 'lvm';
  return wish.format === 'swap' ? 'swap' : isEsp(wish, index) ? 'esp' : 'linux';
}

/** By what it is for, so that another partition before it changes no identifier. A mount is unique, a label is too. */
function identityOf(wish: PartitionWish, index: number): string {
  const named = nameOf(wish, index);
  return named.startsWith('/') || wish.volume ? named : (wish.label ?? `${named} ${index}`);
}

function leastInPartition({ format, passphrase }: PartitionWish): number {
  const inside = format === 'none' ? ALIGNMENT : FORMAT_FACTS[format].least;
  return inside + (passphrase === undefined ? 0 : LUKS_HEADER);
}

/** What a partition of a group has at least: an extent, and in the first that takes the rest what the others have no space for. */
function leastOfMember(wish: PartitionWish, layout: DiskLayout): number {
  const header = memberHeader(wish);
  const members = layout.partitions.filter(({ group }) => group === wish.group);
  if (wish.size !== 'rest' || members.find(({ size }) => size === 'rest') !== wish) return header + EXTENT;
  const others = members.reduce((sum, member) => {
    const { size, minimum = 0 } = member;
    const bytes = member === wish ? 0 : size === 'rest' ? minimum : size;
    return sum + Math.max(0, Math.floor((bytes - memberHeader(member)) / EXTENT)) * EXTENT;
  }, 0);
  const need = needOf(volumesOf(layout, wish.group ?? '')).least - others;
  return Math.min(header + Math.max(EXTENT, need), wish.maximum ?? Infinity);
}

/** The first entry whose own size is less than what is to be in it. */
function tooSmall({ partitions }: DiskLayout): LayoutProblem | undefined {
  for (const [index, wish] of partitions.entries()) {
    const { size, group, format, passphrase } = wish;
    const least = wish.volume
      ? leastOf(wish)
      : group === undefined
        ? leastInPartition(wish)
        : memberHeader(wish) + EXTENT;
    if (size === 'rest' || size >= least) continue;
    const what = group === undefined ? format : 'a part of a volume group';
    const inside = passphrase === undefined ? what : `${what} in LUKS`;
    const message = `${nameOf(wish, index)} is smaller than ${inside} can be: ${formatBytes(size)}, and the least is ${formatBytes(least)}`;
    return { path: ['partitions', index, 'size'], message };
  }
  return undefined;
}

function shareOf({ wish, least, most = least }: Part): Share {
  const units = (bytes: number) => Math.ceil(bytes / ALIGNMENT);
  if (wish === undefined) return { least: units(least), most: units(most) };
  const { size, minimum, maximum } = wish.wish;
  if (size !== 'rest') return { least: units(size), most: units(size) };
  const atLeast = units(Math.max(minimum ?? 0, least));
  return { least: atLeast, most: maximum === undefined ? Infinity : Math.max(atLeast, units(maximum)) };
}

function tooLarge(layout: DiskLayout, parts: readonly Part[], lacking: number): LayoutProblem {
  const rest = layout.partitions.findIndex(({ size }) => size === 'rest');
  const over = formatBytes(lacking * ALIGNMENT);
  const size = formatBytes(layout.size);
  const needed = parts.reduce((sum, part) => sum + shareOf(part).least * ALIGNMENT, 0);
  const message = `the partitions need ${formatBytes(needed)}, which is ${over} more than a disk of ${size} has for them`;
  const hint = `make the disk larger by ${over}, or a partition smaller`;
  return { path: rest < 0 ? ['size'] : ['partitions', rest, 'size'], message, hint };
}

type SizedVolume = Extract<GroupSizes, { readonly ok: true }>['volumes'][number];

function plannedVolume(
  volume: SizedVolume,
  { partitions }: DiskLayout,
  name: readonly string[],
): PlannedGroup['volumes'][number] {
  const wish = partitions[volume.wish];
  const words = [...name, wish ? identityOf(wish, volume.wish) : volume.name];
  return { ...volume, content: wish && contentOf(wish, 'linux', words) };
}

function espContent(words: readonly string[]): PlannedContent {
  const mounts = [{ target: '/boot/efi', subvolume: undefined, options: ESP_OPTIONS }];
  const uuid = contentIdentifier('vfat', ...words);
  return { format: 'vfat', label: 'ESP', uuid, subvolumes: [], mounts };
}

function contentOf(wish: PartitionWish, role: Role, words: readonly string[]): PlannedContent | undefined {
  const { format, label, uuid, mount, options, subvolumes = [] } = wish;
  if (format === 'none') return undefined;
  const { options: usual, rootOptions = usual } = FORMAT_FACTS[format];
  const usualAt = (target: string) => (role === 'esp' ? ESP_OPTIONS : target === '/' ? rootOptions : usual);
  const own =
    mount === undefined ? [] : [{ target: mount, subvolume: undefined, options: options ?? usualAt(mount) }];
  const below = subvolumes.flatMap(({ name, mount: target, options: ownOptions }) => {
    if (target === undefined) return [];
    const given = ownOptions ?? options ?? usualAt(target);
    return [
      { target, subvolume: name, options: [...given.filter((one) => one !== 'defaults'), `subvol=${name}`] },
    ];
  });
  return {
    format,
    label,
    uuid: uuid === undefined ? contentIdentifier(format, ...words) : asBlkid(format, uuid),
    subvolumes: subvolumes.map(({ name }) => name),
    mounts: [...own, ...below],
  };
}

/** As blkid(8) writes it, and so the links in /dev/disk. */
function asBlkid(format: Format, uuid: string): string {
  return format === 'vfat' ? uuid.toUpperCase() : uuid.toLowerCase();
}

/** The firmware reads it, the system only writes it when it brings its boot loader up to date. */
const ESP_OPTIONS = ['umask=0077', 'nofail'];
