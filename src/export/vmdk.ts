// The format vmdk: compressed streams for imports, or sparse files that VMware can run.

import type { Exporter } from '../model/ports/exporter.ts';
import { convertDisk, eachDisk } from './each-disk.ts';

export function vmdkExporter(): Exporter {
  return {
    version: 1,
    describesMachine: false,
    write: eachDisk(
      'vmdk',
      convertDisk(({ subformat }) => ({
        format: 'vmdk',
        compress: subformat === 'streamOptimized',
        options: [`subformat=${subformat}`, 'adapter_type=lsilogic'],
      })),
    ),
  };
}
