// The formats raw, raw.xz, raw.zst and raw.gz: the bytes of each disk, with holes or compressed.

import { rmSync } from 'node:fs';
import path from 'node:path';
import type { Compression, Exporter, ExportTools } from '../model/ports/exporter.ts';
import { convertDisk, eachDisk } from './each-disk.ts';

/** @param compression undefined for a file with holes */
export function rawExporter(tools: ExportTools, compression?: Compression): Exporter {
  const writeRaw = convertDisk(() => ({ format: 'raw' }));
  if (compression === undefined) {
    return { version: 1, describesMachine: false, write: eachDisk('raw', writeRaw) };
  }
  return {
    version: 1,
    describesMachine: false,
    write: eachDisk(`raw.${compression}`, async (disk, target, job) => {
      const raw = path.join(job.scratch, `${disk.name}.raw`);
      const written = await writeRaw(disk, raw, {
        ...job,
        onProgress: (part) => job.onProgress(part * RAW_PART),
      });
      if (!written.ok) return written;
      const onProgress = (part: number) => job.onProgress(RAW_PART + part * (1 - RAW_PART));
      const packed = await tools.packer.compress(compression, raw, target, job.signal, onProgress);
      rmSync(raw, { force: true });
      return packed;
    }),
  };
}

/** The part of the work that is not compression, roughly. */
const RAW_PART = 0.1;
