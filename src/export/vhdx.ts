// The format vhdx: Hyper-V's disks.

import type { Exporter } from '../model/ports/exporter.ts';
import { convertDisk, eachDisk } from './each-disk.ts';

/** As Hyper-V runs it. */
export const VHDX = convertDisk(() => ({ format: 'vhdx', options: ['subformat=dynamic'] }));

export function vhdxExporter(): Exporter {
  return {
    version: 1,
    describesMachine: false,
    write: eachDisk('vhdx', VHDX),
  };
}
