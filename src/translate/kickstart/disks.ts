// Which partitions of a kickstart are on which disk, and how large the disks are.

import type { Place } from '../../kickstart/parse.ts';
import { MAIN_DISK } from '../../model/artifact.ts';
import { isObject } from '../../util/json.ts';

/** One partition, as a layer.yaml has it, with its place in the kickstart. */
export interface Partition {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly place: Place;
  /** In MiB, what it has at least. */
  readonly size: number;
  readonly grows: boolean;
  /** The disk of its --ondisk; undefined for the first one. */
  readonly disk: string | undefined;
  /** Its number on a disk that a script of %pre has divided. */
  readonly onpart: number | undefined;
}

/** The disk that an option names, without /dev/. */
export function diskOf(options: ReadonlyMap<string, string>): string | undefined {
  return (options.get('ondisk') ?? options.get('ondrive'))?.replace(/^\/dev\//, '');
}

/**
 * The partitions of each disk, the one of the system first, under `main`. Those without --ondisk are on that one.
 */
export function partitionsByDisk(all: readonly Partition[]): ReadonlyMap<string, readonly Partition[]> {
  const root = all.find(({ fields }) => isRoot(fields)) ?? all[0];
  const main = root?.disk ?? all.find(({ disk }) => disk !== undefined)?.disk;
  const nameOf = ({ disk }: Partition) => (disk === undefined || disk === main ? MAIN_DISK : disk);
  const further = Map.groupBy(all, nameOf);
  return new Map([[MAIN_DISK, further.get(MAIN_DISK) ?? []], ...further]);
}

function isRoot({ mount, subvolumes }: Partition['fields']): boolean {
  const all: unknown[] = Array.isArray(subvolumes) ? subvolumes : [];
  return mount === '/' || all.some((one) => isObject(one) && one['mount'] === '/');
}

/** The disks as a layer.yaml has them. @param size of the main one, if it is given */
export function disksOf(
  byDisk: ReadonlyMap<string, readonly Partition[]>,
  { isAutomatic, table }: { readonly isAutomatic: boolean; readonly table: string | undefined },
  size: string | undefined,
): Readonly<Record<string, unknown>> {
  const disks = [...byDisk].map(([name, partitions]) => {
    const usual = sizeOf(partitions, isAutomatic && name === MAIN_DISK);
    return [
      name,
      {
        size: (name === MAIN_DISK ? size : undefined) ?? usual,
        ...(table === undefined ? {} : { table }),
        partitions: partitions.map(({ fields }) => fields),
      },
    ] as const;
  });
  return Object.fromEntries(disks);
}

/** The size of a disk for these partitions, in whole GiB. */
function sizeOf(partitions: readonly Partition[], isAutomatic: boolean): string {
  const sum = (all: readonly Partition[]) => all.reduce((total, { size }) => total + size, 0);
  const groupOf = ({ fields }: Partition) => fields['volume-group'];
  const plain = partitions.filter((one) => !groupOf(one) && !one.fields['volume']);
  const groups = new Set(partitions.map(groupOf).filter((group) => group !== undefined));
  const needed = [...groups].map((group) => {
    const members = partitions.filter((one) => groupOf(one) === group);
    const volumes = partitions.filter(({ fields }) => String(fields['volume']).startsWith(`${group}/`));
    // An extent more for each volume, and what LUKS and LVM themselves take.
    return Math.max(sum(members), sum(volumes) + 4 * volumes.length + 17 * members.length);
  });
  const all = needed.reduce((total, size) => total + size, sum(plain)) + 110;
  const least = isAutomatic ? 10 : partitions.some(({ grows }) => grows) ? 4 : 1;
  return `${Math.max(least, Math.ceil(all / 1024))}G`;
}
