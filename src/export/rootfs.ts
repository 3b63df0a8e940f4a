// The format rootfs: the files of the system, with those that its fstab mounts, in a tar archive or a directory.

import { chmodSync, rmSync } from 'node:fs';
import path from 'node:path';
import { visit } from '../diff/compare.ts';
import { type Failure, fail, ok } from '../model/failure.ts';
import type { Compression, Exporter, ExportTools, Proposal } from '../model/ports/exporter.ts';
import { oneSystem, systemOf, watchGrowth } from './system.ts';

/** The part of the work that is done when the archive is written, if it is to be compressed, roughly. */
const TAR_DONE = 0.3;

/** The extension for each choice of the option `compression`. */
const EXTENSIONS: Readonly<Record<string, Compression>> = { zstd: 'zst', gzip: 'gz', xz: 'xz' };

export function rootfsExporter({ packer }: Pick<ExportTools, 'packer'>): Exporter {
  return {
    version: 1,
    describesMachine: false,
    refusal: (job) => oneSystem('rootfs')(job) ?? packedDirectory(job),
    write: async ({ machine, disks: [disk], options, ...job }) => {
      const { layers, mount } = systemOf(disk);
      const top = layers.at(-1);
      if (!top) throw new Error(`the disk ${disk.name} has no layers`);
      const viewer = await job.viewer();
      if (!viewer.ok) return viewer;
      if (options['as'] === 'directory') {
        // Programs of the image that run as their owner are for nobody else on this machine.
        chmodSync(job.directory, 0o700);
        const copied = await visit(viewer.value, top.image, mount, (system) =>
          system.copyTree(path.join(job.directory, machine.name)),
        );
        if (copied.ok) job.onTree({ name: machine.name, bytes: copied.value });
        return copied.ok ? ok() : copied;
      }
      const extension = EXTENSIONS[options['compression'] ?? 'none'];
      const target = path.join(job.directory, `${machine.name}.tar`);
      const tar = extension === undefined ? target : path.join(job.scratch, 'root.tar');
      const part = extension === undefined ? 1 : TAR_DONE;
      const onGrowth = (done: number) => job.onProgress(done * part);
      const archived = await visit(viewer.value, top.image, mount, (system) =>
        watchGrowth(tar, disk.bytes, onGrowth, system.archive(tar, { style: 'whole' })),
      );
      if (!archived.ok || extension === undefined) return archived;
      const packed = await packer.compress(extension, tar, `${target}.${extension}`, job.signal, (done) =>
        job.onProgress(part + done * (1 - part)),
      );
      rmSync(tar, { force: true });
      return packed;
    },
  };
}

function packedDirectory({ options }: Pick<Proposal, 'options'>): Failure | undefined {
  if (options['as'] !== 'directory' || options['compression'] === 'none') return undefined;
  return fail('usage', 'as: directory cannot be compressed', {
    hint: 'use either as or compression, not both',
  }).failure;
}
