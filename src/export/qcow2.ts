// The format qcow2: one file for each disk, without backing files.

import type { Exporter } from '../model/ports/exporter.ts';
import { convertDisk, eachDisk } from './each-disk.ts';

export function qcow2Exporter(): Exporter {
  return {
    version: 1,
    describesMachine: false,
    write: eachDisk(
      'qcow2',
      convertDisk(({ compression }) =>
        compression === 'none'
          ? { format: 'qcow2' }
          : { format: 'qcow2', compress: true, options: [`compression_type=${compression}`] },
      ),
    ),
  };
}
