// Layouts for tests: short to write, and drawn at random from a seed.

import { planDisk } from '../../../src/disk-layout/plan.ts';
import {
  type DiskLayout,
  FORMATS,
  type PartitionWish,
  type PlannedDisk,
  TABLES,
} from '../../../src/model/system/layout.ts';

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

/** A disk of 8 GiB for both kinds of firmware, all of it for the root unless told otherwise. */
export function layout(given: Partial<DiskLayout> = {}): DiskLayout {
  return {
    size: 8 * GIB,
    table: 'gpt',
    boot: ['bios', 'uefi'],
    partitions: [wish({ mount: '/' })],
    sectorSize: 512,
    ...given,
  };
}

export function wish(given: Partial<PartitionWish> = {}): PartitionWish {
  return { size: 'rest', format: 'ext4', ...given };
}

/** The plan of a layout that has one. */
export function planned(given: Partial<DiskLayout> = {}, name = 'base'): PlannedDisk {
  const plan = planDisk(layout(given), [name, 'main']);
  if (!plan.ok) throw new Error(plan.problem.message);
  return plan.disk;
}

/** What is wrong with a layout. */
export function problemOf(given: Partial<DiskLayout>) {
  const plan = planDisk(layout(given), ['base', 'main']);
  if (plan.ok) throw new Error('the layout has a plan');
  return plan.problem;
}

/** A layout of any kind: many have no plan. @param seed the same seed draws the same one */
export function randomLayout(seed: number): DiskLayout {
  const next = generator(seed);
  const below = (limit: number) => Math.floor(next() * limit);
  const mounts = ['/', '/boot', '/var', '/home', '/srv', '/boot/efi'];
  const hasVolumes = below(3) > 0;
  const partitions = Array.from({ length: 1 + below(5) }, (_, index): PartitionWish => {
    const mount = index === 0 ? '/' : below(4) > 0 ? mounts[below(mounts.length)] : undefined;
    const format = mount === '/boot/efi' ? 'vfat' : (FORMATS[below(FORMATS.length)] ?? 'ext4');
    const isRest = below(2) === 0;
    const group = `vg${below(2)}`;
    const isMember = hasVolumes && mount === undefined && below(2) === 0;
    // Most disks that boot need a plain partition for that.
    const isPlain = !hasVolumes || (index === 0 && below(4) > 0);
    const isVolume = !isPlain && !isMember && below(2) === 0;
    return {
      format: isMember ? 'none' : format,
      ...(isMember ? { group } : {}),
      ...(isVolume ? { volume: { group, name: `v${index}` } } : {}),
      ...(!isPlain && !isVolume && below(3) === 0 ? { passphrase: 'DISK' } : {}),
      ...(mount === undefined ? {} : { mount }),
      size: isRest ? 'rest' : (1 + below(3000)) * MIB + below(2) * 512 * below(1000),
      ...(isRest && below(2) === 0 ? { minimum: below(2000) * MIB } : {}),
      ...(isRest && below(3) === 0 ? { maximum: (2000 + below(3000)) * MIB } : {}),
    };
  });
  return {
    size: (1 + below(16_000)) * MIB + below(3) * 512 * below(4000),
    table: TABLES[below(2)] ?? 'gpt',
    boot: [...(below(2) === 0 ? (['bios'] as const) : []), ...(below(2) === 0 ? (['uefi'] as const) : [])],
    partitions,
    sectorSize: below(4) === 0 ? 4096 : 512,
  };
}

/** mulberry32, by Tommy Ettinger: numbers from 0 to 1. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
