// The format vdi: VirtualBox's own disks.

import type { Exporter, ExportTools } from '../model/ports/exporter.ts';
import { convertDisk, eachDisk } from './each-disk.ts';

export function vdiExporter(tools: ExportTools): Exporter {
  return {
    version: 1,
    describesMachine: false,
    write: eachDisk(
      'vdi',
      convertDisk(tools, () => ({ format: 'vdi' })),
    ),
  };
}
