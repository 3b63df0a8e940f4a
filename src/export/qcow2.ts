// The format qcow2: one file for each disk, without backing files.

import type { Exporter } from '../model/ports/exporter.ts';
import type { ConvertTo } from '../model/ports/machine.ts';
import { convertDisk, eachDisk } from './each-disk.ts';

export function qcow2Exporter(): Exporter {
  return {
    version: 1,
    describesMachine: false,
    write: eachDisk(
      'qcow2',
      convertDisk(({ compression = 'zstd' }) => qcow2(compression)),
    ),
  };
}

/** How the formats that have a qcow2 file in them write it. */
export const ZSTD_QCOW2 = convertDisk(() => qcow2('zstd'));

function qcow2(compression: string): ConvertTo {
  if (compression === 'none') return { format: 'qcow2' };
  return { format: 'qcow2', compress: true, options: [`compression_type=${compression}`] };
}
