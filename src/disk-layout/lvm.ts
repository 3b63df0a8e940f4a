// Volume groups of LVM: how much space their volumes need, and how large each becomes.

import type { DiskLayout, PartitionWish, PlannedGroup } from '../model/system/layout.ts';
import { formatBytes } from '../util/units.ts';
import { FORMAT_FACTS } from './formats.ts';
import { type LayoutProblem, nameOf } from './names.ts';
import { divide, type Share } from './sizes.ts';

const MIB = 2 ** 20;

/** The unit of volumes: LVM's own default. */
export const EXTENT = 4 * MIB;
/** What LVM has in front of the first extent: its label and metadata, see --dataalignment of pvcreate(8). */
const MEMBER_HEADER = MIB;
/** What LUKS2 has in front of its content, see --offset of cryptsetup-luksFormat(8). */
export const LUKS_HEADER = 16 * MIB;

/** A volume of the list, with its place there. */
export interface WishedVolume {
  readonly wish: PartitionWish;
  readonly index: number;
  readonly name: string;
}

/** The names of all groups, in the order in which the list has them. */
export function groupNames({ partitions }: Pick<DiskLayout, 'partitions'>): readonly string[] {
  return [...new Set(partitions.flatMap(({ volume, group }) => volume?.group ?? group ?? []))];
}

/** The volumes of a group. */
export function volumesOf(
  { partitions }: Pick<DiskLayout, 'partitions'>,
  group: string,
): readonly WishedVolume[] {
  return partitions.flatMap((wish, index) =>
    wish.volume?.group === group ? [{ wish, index, name: wish.volume.name }] : [],
  );
}

/** Whether a group has volumes, and no partition in the list. */
export function isImplied({ partitions }: Pick<DiskLayout, 'partitions'>, group: string): boolean {
  return !partitions.some((wish) => wish.group === group);
}

/** How much of a partition is not for the extents of its group. */
export function memberHeader({ passphrase }: Pick<PartitionWish, 'passphrase'>): number {
  return MEMBER_HEADER + (passphrase === undefined ? 0 : LUKS_HEADER);
}

/** The space that volumes take, bytes: at least, and at most. */
export function needOf(volumes: readonly WishedVolume[]): Share {
  const shares = volumes.map(shareOf);
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0) * EXTENT;
  return { least: sum(shares.map(({ least }) => least)), most: sum(shares.map(({ most }) => most)) };
}

/** The least that a volume can be, bytes. */
export function leastOf({ format }: PartitionWish): number {
  return format === 'none' ? EXTENT : FORMAT_FACTS[format].least;
}

/** In extents. */
function shareOf({ wish }: WishedVolume): Share {
  const extents = (bytes: number) => Math.ceil(bytes / EXTENT);
  const { size, minimum = 0, maximum = Infinity } = wish;
  if (size !== 'rest') return { least: extents(size), most: extents(size) };
  const least = extents(Math.max(minimum, leastOf(wish)));
  return { least, most: Math.max(least, extents(maximum)) };
}

export type GroupSizes =
  | { readonly ok: true; readonly volumes: readonly Omit<PlannedGroup['volumes'][number], 'content'>[] }
  | { readonly ok: false; readonly problem: LayoutProblem };

/**
 * The sizes of the volumes of a group.
 * @param members its partitions, with their sizes in bytes, and their places in the list
 */
export function sizeVolumes(
  layout: DiskLayout,
  group: string,
  members: readonly { readonly size: number; readonly index: number | undefined }[],
): GroupSizes {
  const volumes = volumesOf(layout, group);
  const extents = members.map(({ size, index }) => {
    const wish = index === undefined ? undefined : layout.partitions[index];
    return Math.max(0, Math.floor((size - memberHeader(wish ?? {})) / EXTENT));
  });
  const all = extents.reduce((sum, count) => sum + count, 0);
  const divided = divide(all, volumes.map(shareOf));
  if (!divided.ok) {
    const over = formatBytes(divided.lacking * EXTENT);
    const needed = formatBytes((all + divided.lacking) * EXTENT);
    const [member] = layout.partitions.filter((wish) => wish.group === group);
    const index = member === undefined ? -1 : layout.partitions.indexOf(member);
    const larger = member === undefined ? 'the disk' : nameOf(member, index);
    const message = `the volumes of ${group} need ${needed}, which is ${over} more than the group has for them`;
    const hint = `make ${larger} larger by ${over}, or a volume smaller`;
    const path = member === undefined ? ['size'] : ['partitions', index, 'size'];
    return { ok: false, problem: { path, message, hint } };
  }
  return {
    ok: true,
    volumes: volumes.map(({ name, index: wish }, at) => ({
      name,
      wish,
      size: (divided.sizes[at] ?? 0) * EXTENT,
    })),
  };
}
