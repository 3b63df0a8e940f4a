// The format qcow2: one file for each disk, without backing files.

import type { Exporter, ExportTools } from '../model/ports/exporter.ts';
import { convertDisk, eachDisk } from './each-disk.ts';

export function qcow2Exporter(tools: ExportTools): Exporter {
  return {
    version: 1,
    describesMachine: false,
    write: eachDisk(
      'qcow2',
      convertDisk(tools, ({ compression }) =>
        compression === 'none'
          ? { format: 'qcow2' }
          : { format: 'qcow2', compress: true, options: [`compression_type=${compression}`] },
      ),
    ),
  };
}
