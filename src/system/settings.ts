// An installation in the recipe of its layer: a line for each field of the system, and for each disk, partition and volume.

import type { Setting } from '../model/recipe.ts';
import type { PlannedDisk } from '../model/system/layout.ts';
import type { System } from '../model/system/system.ts';
import { isObject } from '../util/json.ts';

/** Raised when vlb makes something else of the same installation. */
const VERSION = 2;

/** A line for each field, so that it is known what changed. Each value is JSON, and so has no line breaks. */
export function systemSettings(system: System): readonly Setting[] {
  const fields = Object.entries(system).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [
    { name: 'system', value: String(VERSION) },
    ...fields.map(([name, value]) => ({
      name: `system.${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      value: JSON.stringify(value),
    })),
  ];
}

/** A line for a disk, and for each partition and volume on it. */
export function diskSettings(name: string, { partitions, groups, ...disk }: PlannedDisk): readonly Setting[] {
  return [
    { name: `disk.${name}`, value: canonical(disk) },
    ...partitions.map(({ number, wish: _, ...partition }) => ({
      name: `disk.${name}.${number}`,
      value: canonical(partition),
    })),
    ...groups.flatMap((group) =>
      group.volumes.map(({ name: volumeName, wish: _, ...volume }) => ({
        name: `disk.${name}.${group.name}/${volumeName}`,
        value: canonical(volume),
      })),
    ),
  ];
}

/** One text for one value, whatever the order of its fields. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    isObject(one) ? Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1))) : one,
  );
}
