// What is wrong with a layout apart from its sizes: what no disk of any size could be.

import type { DiskLayout, PartitionWish } from '../model/system/layout.ts';
import { formatBytes } from '../util/units.ts';
import { checkBoot, checkVolume, checkVolumes } from './check-volumes.ts';
import { FORMAT_FACTS, SYSTEM_FORMATS } from './formats.ts';
import { groupNames, isImplied } from './lvm.ts';
import { isEsp, type LayoutProblem, mountsOf, nameOf } from './names.ts';

const TIB = 2 ** 40;
/** Of fdisk(8): more need an extended partition, which vlb does not make. */
const MOST_IN_MBR = 4;
/** 2^32 sectors of 512 bytes. */
const LARGEST_MBR = 2 * TIB;

/** The first problem of a layout; undefined if there is none. */
export function checkLayout(layout: DiskLayout): LayoutProblem | undefined {
  for (const [index, wish] of layout.partitions.entries()) {
    const problem = checkVolume(wish, index) ?? checkPartition(wish, index);
    if (problem) return problem;
  }
  return (
    checkVolumes(layout) ??
    checkMounts(layout) ??
    checkIdentifiers(layout) ??
    checkBoot(layout) ??
    checkTable(layout)
  );
}

function checkPartition(wish: PartitionWish, index: number): LayoutProblem | undefined {
  const { mount, format, label, uuid, subvolumes, minimum, maximum, size } = wish;
  const path = ['partitions', index];
  const name = nameOf(wish, index);
  const isMounted = mountsOf(wish, index).length > 0;
  if (format === 'none') {
    if (isMounted) return { path, message: `${name} has no file system, and so cannot be mounted` };
    if (label !== undefined || uuid !== undefined) {
      return { path, message: `${name} has no file system, and so neither label nor uuid` };
    }
  } else {
    const { longestLabel, uuid: form } = FORMAT_FACTS[format];
    if (label !== undefined && Buffer.byteLength(label) > longestLabel) {
      const message = `the label "${label}" is too long: ${format} has at most ${longestLabel} bytes for it`;
      return { path: [...path, 'label'], message };
    }
    if (uuid !== undefined && !form.test(uuid)) {
      const like = format === 'vfat' ? '1A2B-3C4D' : '4bbd2c0d-f6be-4d53-a3c6-2d6e6ae0a1c9';
      return {
        path: [...path, 'uuid'],
        message: `"${uuid}" is not an identifier of ${format}, like ${like}`,
      };
    }
  }
  if (format === 'swap' && isMounted) {
    return { path: [...path, 'mount'], message: 'a swap is mounted nowhere', hint: 'leave "mount" out' };
  }
  if (subvolumes !== undefined && format !== 'btrfs') {
    const message = `${name} cannot have subvolumes: only btrfs has`;
    return { path: [...path, 'subvolumes'], message, hint: 'add "filesystem: btrfs"' };
  }
  if (subvolumes !== undefined && mount !== undefined) {
    const hint = 'give the mount to one of the subvolumes';
    return { path: [...path, 'mount'], message: `${name} is mounted by its subvolumes`, hint };
  }
  if (size !== 'rest' && (minimum ?? maximum) !== undefined) {
    const field = minimum === undefined ? 'maximum' : 'minimum';
    return { path: [...path, field], message: `"${field}" of ${name} is only for "size: rest"` };
  }
  if (minimum !== undefined && maximum !== undefined && minimum > maximum) {
    const message = `the minimum of ${name} is more than its maximum: ${formatBytes(minimum)}, ${formatBytes(maximum)}`;
    return { path: [...path, 'minimum'], message };
  }
  return undefined;
}

function checkMounts({ partitions, boot }: DiskLayout): LayoutProblem | undefined {
  const seen = new Set<string>();
  for (const [index, wish] of partitions.entries()) {
    for (const { target, path } of mountsOf(wish, index)) {
      if (seen.has(target)) return { path, message: `two partitions are mounted at ${target}` };
      seen.add(target);
      if (target === '/' && !SYSTEM_FORMATS.includes(wish.format)) {
        const message = `the root cannot be on ${wish.format}`;
        return { path, message, hint: `use one of ${SYSTEM_FORMATS.join(', ')}` };
      }
      if (target === '/boot/efi' && boot.includes('uefi') && wish.format !== 'vfat') {
        const message = `UEFI reads vfat only, and /boot/efi is on ${wish.format}`;
        return { path, message, hint: 'use "filesystem: vfat"' };
      }
    }
  }
  if (boot.length === 0 || seen.has('/')) return undefined;
  return {
    path: ['partitions'],
    message: 'no partition is mounted at /, so there is no place for the system',
    hint: 'add one: { mount: /, size: rest }',
  };
}

function checkIdentifiers({ partitions }: DiskLayout): LayoutProblem | undefined {
  for (const field of ['uuid', 'label'] as const) {
    const seen = new Set<string>();
    for (const [index, wish] of partitions.entries()) {
      const value = wish[field];
      if (value === undefined) continue;
      if (seen.has(value.toLowerCase())) {
        return {
          path: ['partitions', index, field],
          message: `two partitions have the ${field} ${value}`,
        };
      }
      seen.add(value.toLowerCase());
    }
  }
  return undefined;
}

function checkTable({ table, size, boot, partitions }: DiskLayout): LayoutProblem | undefined {
  if (table !== 'mbr') return undefined;
  const hint = 'use "table: gpt"';
  const hasOwn = partitions.some((wish, index) => isEsp(wish, index));
  const listed = partitions.filter(({ volume }) => volume === undefined).length;
  const implied = groupNames({ partitions }).filter((group) => isImplied({ partitions }, group)).length;
  const count = listed + implied + (boot.includes('uefi') && !hasOwn ? 1 : 0);
  if (count > MOST_IN_MBR) {
    const more = count > listed + implied ? ', with the one for UEFI' : '';
    const message = `an MBR has at most ${MOST_IN_MBR} partitions, and this disk would have ${count}${more}`;
    return { path: ['partitions'], message, hint };
  }
  if (size <= LARGEST_MBR) return undefined;
  return { path: ['size'], message: 'an MBR reaches 2 TiB far, and this disk is larger', hint };
}
