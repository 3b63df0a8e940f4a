// The formats that images can be exported to: a new one is a file beside this, and an entry here.

import type { Exporters } from '../model/ports/exporter.ts';
import type { Images } from '../model/ports/machine.ts';
import { qcow2Exporter } from './qcow2.ts';

/** @param images reads and converts disks on this host */
export function exportersFor(images: Pick<Images, 'convert'>): Exporters {
  const all = [qcow2Exporter(images)];
  return new Map(all.map((exporter) => [exporter.format, exporter]));
}
