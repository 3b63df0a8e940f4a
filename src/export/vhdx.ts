// The format vhdx: Hyper-V's disks.

import type { Exporter, ExportTools } from '../model/ports/exporter.ts';
import { convertDisk, eachDisk } from './each-disk.ts';

export function vhdxExporter(tools: ExportTools): Exporter {
  return {
    version: 1,
    describesMachine: false,
    write: eachDisk(
      'vhdx',
      convertDisk(tools, () => ({ format: 'vhdx', options: ['subformat=dynamic'] })),
    ),
  };
}
