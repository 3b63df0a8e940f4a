// Older modify-disk scripts, which create and attach their disk themselves.

import path from 'node:path';
import { fail } from '../../model/failure.ts';
import type { Layer } from '../../model/project.ts';

/** Whether the script creates its disk itself with qemu-img and qemu-nbd, as in older projects. */
export function makesItsOwnDisk(layer: Layer): boolean {
  return layer.kind === 'modify-disk' && layer.hints.diskSize === undefined;
}

/** The failure for an older modify-disk when no device was given for it. */
export function needsDevice(layer: Layer): ReturnType<typeof fail> {
  return fail(
    'host',
    `the modify-disk of layer ${layer.name} attaches its disk itself, which requires a network block device`,
    {
      where: { file: path.join(layer.directory, layer.kind) },
      hint: 'pass one: vlb build --nbd /dev/nbd0; or let vlb create and attach the disk: add "# vlb: disk-size 20G" to the script',
    },
  );
}
