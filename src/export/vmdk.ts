// The format vmdk: compressed streams for imports, or sparse files that VMware can run.

import type { Exporter } from '../model/ports/exporter.ts';
import { convertDisk, eachDisk } from './each-disk.ts';

export function vmdkExporter(): Exporter {
  return { version: 2, describesMachine: false, write: eachDisk('vmdk', writeVmdk) };
}

const writeVmdk = convertDisk(({ subformat = '' }) => vmdk(subformat));

/** As the formats with an OVF descriptor contain it. */
export const STREAM_VMDK = convertDisk(() => vmdk('streamOptimized'));

/** As VMware's programs run it. */
export const SPARSE_VMDK = convertDisk(() => vmdk('monolithicSparse'));

function vmdk(subformat: string) {
  return {
    format: 'vmdk',
    compress: subformat === 'streamOptimized',
    options: [`subformat=${subformat}`, 'adapter_type=lsilogic'],
  };
}
