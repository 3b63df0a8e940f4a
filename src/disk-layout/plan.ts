// The storage planner: from what a user wants of a disk to a table with all places and identifiers. It is pure.
//
// Partitions are in the order of the list, and those that booting takes are before them. All begin and end at whole MiB, which is right
// for every disk and every sector size.

import type {
  DiskLayout,
  Format,
  PartitionWish,
  PlannedContent,
  PlannedDisk,
  PlannedPartition,
  Role,
} from '../model/system/layout.ts';
import { formatBytes } from '../util/units.ts';
import { checkLayout, isEsp, type LayoutProblem, nameOf } from './check.ts';
import { FORMAT_FACTS } from './formats.ts';
import { contentIdentifier, mbrIdentifier, uuidOf } from './identifiers.ts';
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
  const wrong = checkLayout(layout);
  if (wrong) return { ok: false, problem: wrong };
  const parts = [...bootParts(layout), ...layout.partitions.map(wishedPart)];
  // The first MiB has the table and, in an MBR, GRUB; the last one the backup of a GPT.
  const reserved = layout.table === 'gpt' ? 2 : 1;
  const space = Math.floor(layout.size / ALIGNMENT) - reserved;
  const small = parts.find(({ wish, least }) => wish !== undefined && tooSmall(wish.wish, least));
  if (small?.wish) {
    const { wish, index } = small.wish;
    const { size, format } = wish;
    const message = `${nameOf(wish, index)} is smaller than ${format} can be: ${formatBytes(Number(size))}, and the least is ${formatBytes(small.least)}`;
    return { ok: false, problem: { path: ['partitions', index, 'size'], message } };
  }
  const divided = divide(space, parts.map(shareOf));
  if (!divided.ok) return { ok: false, problem: tooLarge(layout, parts, divided.lacking) };
  let start = ALIGNMENT;
  const partitions = parts.map((part, index): PlannedPartition => {
    const size = (divided.sizes[index] ?? 0) * ALIGNMENT;
    const words = [...name, part.name];
    const planned = {
      number: index + 1,
      wish: part.wish?.index,
      role: part.role,
      start,
      size,
      identifier: layout.table === 'gpt' ? uuidOf(...words, 'partition') : undefined,
      content: contentOf(part, words),
    };
    start += size;
    return planned;
  });
  const { size, table, sectorSize } = layout;
  const identifier = table === 'gpt' ? uuidOf(...name, 'table') : mbrIdentifier(...name, 'table');
  return { ok: true, disk: { size, table, sectorSize, identifier, partitions } };
}

/** A partition to be placed. */
interface Part {
  readonly role: Role;
  /** Unique on the disk. */
  readonly name: string;
  readonly wish: { readonly wish: PartitionWish; readonly index: number } | undefined;
  /** The least that it can be, bytes. */
  readonly least: number;
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

function wishedPart(wish: PartitionWish, index: number): Part {
  const { format, label } = wish;
  const role = format === 'swap' ? 'swap' : isEsp(wish, index) ? 'esp' : 'linux';
  // By what it is for, so that another partition before it changes no identifier. A mount is unique, a label is too.
  const named = nameOf(wish, index);
  const name = named.startsWith('/') ? named : (label ?? `${named} ${index}`);
  const least = format === 'none' ? ALIGNMENT : FORMAT_FACTS[format].least;
  return { role, name, wish: { wish, index }, least };
}

function tooSmall({ size }: PartitionWish, least: number): boolean {
  return size !== 'rest' && size < least;
}

function shareOf({ wish, least }: Part): Share {
  const units = (bytes: number) => Math.ceil(bytes / ALIGNMENT);
  if (wish === undefined) return { least: units(least), most: units(least) };
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

function contentOf({ role, wish }: Part, words: readonly string[]): PlannedContent | undefined {
  if (role === 'bios-boot') return undefined;
  if (wish === undefined) {
    const mounts = [{ target: '/boot/efi', subvolume: undefined, options: ESP_OPTIONS }];
    const uuid = contentIdentifier('vfat', ...words);
    return { format: 'vfat', label: 'ESP', uuid, subvolumes: [], mounts };
  }
  const { format, label, uuid, mount, options, subvolumes = [] } = wish.wish;
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
