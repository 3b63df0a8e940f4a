// The format oci: the system as a container image, in an OCI layout, with a layer for each layer of vlb.

import type { Exporter, ExportTools } from '../../model/ports/exporter.ts';
import { oneSystem, systemOf } from '../system.ts';
import { imageOptions } from './image.ts';
import { archiveLayers } from './layers.ts';
import { Layout } from './layout.ts';

export function ociExporter({ packer }: Pick<ExportTools, 'packer'>): Exporter {
  return {
    version: 1,
    describesMachine: false,
    shares: true,
    refusal: oneSystem('oci'),
    write: async ({ machine, disks: [disk], ...job }) => {
      const system = systemOf(disk);
      const layout = new Layout(job, packer);
      const { length } = system.layers;
      const written = await archiveLayers(system, job, packer, (archive, index) =>
        layout.add(archive, (part) => job.onProgress((index + part) / length)),
      );
      if (written.ok) layout.finish(imageOptions(machine, job.options));
      return written;
    },
  };
}
