// Writes an image as an OCI layout: a directory with an index, and blobs named after their bytes.

import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../../model/failure.ts';
import type { Compression, ExportJob, Packer } from '../../model/ports/exporter.ts';
import { addFile, addText, type Blob, blobsIn, digestOfFile } from './blobs.ts';
import { configText, type ImageLayer, type ImageOptions, indexText, manifestText } from './image.ts';
import type { LayerArchive } from './layers.ts';

const COMPRESSIONS = {
  gzip: { extension: 'gz', mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' },
  zstd: { extension: 'zst', mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' },
} as const satisfies Record<string, { extension: Compression; mediaType: string }>;

type Job = Pick<ExportJob, 'directory' | 'options' | 'signal'>;

/** An OCI layout that is being written. */
export class Layout {
  readonly #job: Job;
  readonly #packer: Pick<Packer, 'compress'>;
  readonly #blobs: string;
  readonly #written: Blob[] = [];
  readonly #layers: ImageLayer[] = [];

  constructor(job: Job, packer: Pick<Packer, 'compress'>) {
    this.#job = job;
    this.#packer = packer;
    this.#blobs = blobsIn(job.directory);
  }

  /** Adds the next layer. Its archive is removed. Fails as `host`; throws as `digestOfFile`. */
  async add({ name, file }: LayerArchive, onProgress: (part: number) => void): Promise<Result<void>> {
    const { options, signal } = this.#job;
    const { extension, mediaType } = COMPRESSIONS[options['compression'] === 'zstd' ? 'zstd' : 'gzip'];
    const diffId = await digestOfFile(file, signal);
    const packed = `${file}.${extension}`;
    const compressed = await this.#packer.compress(extension, file, packed, signal, onProgress);
    rmSync(file, { force: true });
    if (!compressed.ok) return compressed;
    this.#written.push(await addFile(this.#blobs, packed, mediaType, signal));
    this.#layers.push({ name, diffId });
    return ok();
  }

  /** Writes what refers to the layers. Throws node's fs errors. */
  finish(image: ImageOptions): void {
    const config = configText(image, this.#layers);
    const manifest = manifestText(config, this.#written);
    for (const content of [config, manifest]) addText(this.#blobs, content);
    writeFileSync(path.join(this.#job.directory, 'index.json'), indexText(manifest, image));
    writeFileSync(path.join(this.#job.directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  }
}
