// The format docker: the same image in one tar archive, as `docker load` reads it.

import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ok } from '../../model/failure.ts';
import type { Exporter, ExportTools } from '../../model/ports/exporter.ts';
import { oneSystem, systemOf } from '../system.ts';
import { digestOf, digestOfFile } from './blobs.ts';
import { configText, type ImageLayer, imageOptions } from './image.ts';
import { archiveLayers } from './layers.ts';

export function dockerExporter({ packer }: Pick<ExportTools, 'packer'>): Exporter {
  return {
    version: 1,
    describesMachine: false,
    shares: true,
    refusal: oneSystem('docker'),
    write: async ({ machine, disks: [disk], ...job }) => {
      const system = systemOf(disk);
      const directory = path.join(job.scratch, 'docker');
      mkdirSync(directory);
      const layers: ImageLayer[] = [];
      const written = await archiveLayers(system, job, packer, async ({ name, file }, index) => {
        const diffId = await digestOfFile(file, job.signal);
        renameSync(file, path.join(directory, `${diffId}.tar`));
        layers.push({ name, diffId });
        job.onProgress((index + 1) / (system.layers.length + 1));
        return ok();
      });
      if (!written.ok) return written;
      const image = imageOptions(machine, job.options);
      const config = configText(image, layers);
      const Config = `${digestOf(config)}.json`;
      const Layers = layers.map(({ diffId }) => `${diffId}.tar`);
      const RepoTags = [`${image.repository}:${image.tag}`];
      writeFileSync(path.join(directory, Config), config);
      writeFileSync(path.join(directory, 'manifest.json'), JSON.stringify([{ Config, RepoTags, Layers }]));
      const names = readdirSync(directory);
      const target = path.join(job.directory, `${machine.name}.tar`);
      return packer.tar({ directory, names, owner: 0 }, target, job.signal);
    },
  };
}
