// The format qcow2: one file without a backing file.

import type { Exporter } from '../model/ports/exporter.ts';
import type { Images } from '../model/ports/machine.ts';

/** The format's name: what `--flatten` makes of the main image. */
export const QCOW2 = 'qcow2';

export function qcow2Exporter(images: Pick<Images, 'convert'>): Exporter {
  return {
    format: QCOW2,
    write: ({ disks: [disk] }, target, signal) => images.convert(disk, QCOW2, target, signal),
  };
}
