// The format containerdisk: a container image whose only file is the disk, as KubeVirt runs it.

import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Exporter, ExportTools } from '../../model/ports/exporter.ts';
import { oneDiskOnly } from '../each-disk.ts';
import { imageOptions } from './image.ts';
import { Layout } from './layout.ts';

/** KubeVirt runs QEMU as this user and group: https://kubevirt.io/user-guide/storage/disks_and_volumes/#containerdisk */
const QEMU = 107;

export function containerdiskExporter({ packer }: Pick<ExportTools, 'packer'>): Exporter {
  return {
    version: 1,
    describesMachine: false,
    refusal: oneDiskOnly('containerdisk'),
    write: async ({ machine, disks: [disk], ...job }) => {
      const directory = path.join(job.scratch, 'image');
      const file = path.join('disk', `${machine.name}.qcow2`);
      mkdirSync(path.join(directory, 'disk'), { recursive: true });
      const converted = await job.convert(disk, path.join(directory, file), {
        format: 'qcow2',
        compress: true,
        options: ['compression_type=zstd'],
        onProgress: (part) => job.onProgress(part / 2),
      });
      if (!converted.ok) return converted;
      const tar = path.join(job.scratch, 'layer.tar');
      const archived = await packer.tar({ directory, names: ['disk', file], owner: QEMU }, tar, job.signal);
      rmSync(directory, { recursive: true });
      if (!archived.ok) return archived;
      const layout = new Layout(job, packer);
      const added = await layout.add({ name: machine.name, file: tar }, (part) =>
        job.onProgress((1 + part) / 2),
      );
      if (added.ok) layout.finish(imageOptions(machine, job.options));
      return added;
    },
  };
}
