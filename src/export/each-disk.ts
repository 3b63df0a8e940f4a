// What the formats with one file for each disk have in common.

import path from 'node:path';
import { diskIdentity } from '../machine/description.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import type { FormatName } from '../model/machine/format.ts';
import {
  diskName,
  type ExportDisk,
  type Exporter,
  type ExportJob,
  type ExportTools,
} from '../model/ports/exporter.ts';
import type { ConvertTo } from '../model/ports/machine.ts';

/** How a format writes one disk. */
export type WriteDisk = (
  disk: ExportDisk,
  target: string,
  job: Pick<ExportJob, 'options' | 'scratch' | 'signal' | 'convert' | 'onProgress'>,
) => Promise<Result<void>>;

/** An exporter that writes each disk on its own. @param extension of the files, without a dot */
export function eachDisk(extension: string, writeDisk: WriteDisk): Exporter['write'] {
  return async (job) => {
    const total = job.disks.reduce((sum, { bytes }) => sum + bytes, 0);
    let before = 0;
    for (const disk of job.disks) {
      const share = total === 0 ? 1 / job.disks.length : disk.bytes / total;
      const start = before;
      const written = await writeDisk(
        disk,
        path.join(job.directory, diskName(job.machine, disk, extension)),
        {
          ...job,
          onProgress: (part) => job.onProgress(start + part * share),
        },
      );
      if (!written.ok) return written;
      before += share;
    }
    return ok();
  };
}

/** Writes a disk with `qemu-img convert`. */
export function convertDisk(to: (options: ExportJob['options']) => Omit<ConvertTo, 'onProgress'>): WriteDisk {
  return (disk, target, { options, convert, onProgress }) =>
    convert(disk, target, { ...to(options), identity: diskIdentity(disk), onProgress });
}

/**
 * The disk with a size that is a multiple of `unit` bytes: what is added at its end is empty. Fails as `host`.
 * @param scratch where an overlay is created, if it has to grow
 */
export async function roundedUp(
  disk: ExportDisk,
  unit: number,
  { images }: Pick<ExportTools, 'images'>,
  scratch: string,
): Promise<Result<ExportDisk>> {
  const size = Math.ceil(disk.size / unit) * unit;
  if (size === disk.size) return ok(disk);
  const overlay = path.join(scratch, `${disk.name}.qcow2`);
  const created = await images.create(overlay, { backing: disk.source, size });
  return created.ok ? ok({ ...disk, source: overlay, size }) : created;
}

/** The refusal of a format that holds one disk. */
export function oneDiskOnly(format: FormatName): NonNullable<Exporter['refusal']> {
  return ({ machine, disks }) =>
    disks.length === 1
      ? undefined
      : fail('usage', `the format ${format} holds one disk, and ${machine.name} has ${disks.length}`, {
          hint: 'export the disks as images of their own',
        }).failure;
}
