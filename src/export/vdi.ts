// The format vdi: VirtualBox's own disks.

import type { Exporter } from '../model/ports/exporter.ts';
import { convertDisk, eachDisk } from './each-disk.ts';

export function vdiExporter(): Exporter {
  return { version: 2, describesMachine: false, write: eachDisk('vdi', VDI) };
}

export const VDI = convertDisk(() => ({ format: 'vdi' }));
