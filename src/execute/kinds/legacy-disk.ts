// Older modify-disk scripts, which make and attach their disk themselves.

import path from 'node:path';
import { fail } from '../../model/failure.ts';
import type { Layer } from '../../model/project.ts';

/** Whether the script makes its disk itself with qemu-img and qemu-nbd, as older projects do. */
export function makesItsOwnDisk(layer: Layer): boolean {
  return layer.kind === 'modify-disk' && layer.hints.diskSize === undefined;
}

/** The failure for an older modify-disk where no device was given for it. */
export function needsDevice(layer: Layer): ReturnType<typeof fail> {
  return fail(
    'host',
    `the modify-disk of layer ${layer.name} attaches its disk itself, which takes a network block device`,
    {
      where: { file: path.join(layer.directory, layer.kind) },
      hint: 'give one: vlb build --nbd /dev/nbd0; or let vlb make and attach the disk: put "# vlb: disk-size 20G" into the script',
    },
  );
}
