// The format gce: disk.raw in a tar.gz, as Google Compute Engine imports it.

import { rmSync } from 'node:fs';
import path from 'node:path';
import type { Exporter, ExportTools } from '../model/ports/exporter.ts';
import { convertDisk, oneDiskOnly, roundedUp } from './each-disk.ts';

/** Images are multiples of it: https://cloud.google.com/compute/docs/import/import-existing-image */
const UNIT = 1024 ** 3;

/** The parts of the work that are done when the raw disk, and then the archive, is written, roughly. */
const [RAW_DONE, TAR_DONE] = [0.1, 0.2];

export function gceExporter(tools: ExportTools): Exporter {
  const { packer } = tools;
  const writeRaw = convertDisk(() => ({ format: 'raw' }));
  return {
    version: 1,
    describesMachine: false,
    refusal: oneDiskOnly('gce'),
    write: async ({ machine, disks: [disk], ...job }) => {
      const rounded = await roundedUp(disk, UNIT, tools, job.scratch);
      if (!rounded.ok) return rounded;
      const raw = path.join(job.scratch, 'disk.raw');
      const tar = path.join(job.scratch, 'disk.tar');
      const written = await writeRaw(rounded.value, raw, {
        ...job,
        onProgress: (part) => job.onProgress(part * RAW_DONE),
      });
      if (!written.ok) return written;
      const archived = await packer.tarDisk(raw, tar, job.signal);
      rmSync(raw, { force: true });
      if (!archived.ok) return archived;
      const target = path.join(job.directory, `${machine.name}.tar.gz`);
      return packer.compress('gz', tar, target, job.signal, (part) =>
        job.onProgress(TAR_DONE + part * (1 - TAR_DONE)),
      );
    },
  };
}
