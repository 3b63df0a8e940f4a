// The format iso: a bootable ISO image with a kernel and an initrd, which runs the system from memory.

import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fail } from '../../model/failure.ts';
import type { Exporter, ExportTools } from '../../model/ports/exporter.ts';
import { cmdlineOf, INITRD, KERNEL, refusalOf, writeLive } from './live.ts';

export function isoExporter(tools: Pick<ExportTools, 'media' | 'packings'>): Exporter {
  return {
    version: 1,
    describesMachine: false,
    refusal: (job) =>
      process.arch === 'x64'
        ? refusalOf('iso')(job)
        : fail('usage', 'the format iso is for x86_64, and images are built for this machine').failure,
    write: async (job) => {
      const { name } = job.machine;
      const directory = path.join(job.scratch, 'iso');
      const boot = path.join(directory, 'boot');
      mkdirSync(path.join(boot, 'grub'), { recursive: true });
      const written = await writeLive(job, boot, tools);
      if (!written.ok) return written;
      writeFileSync(path.join(boot, 'grub/grub.cfg'), grubConfiguration(name, cmdlineOf(job.options)));
      const mark = `boot/${(await digestOf(path.join(boot, INITRD), job.signal)).slice(0, 32)}`;
      writeFileSync(path.join(directory, mark), '');
      return tools.media.iso(
        { directory, label: labelOf(name), mark, scratch: job.scratch },
        path.join(job.directory, `${name}.iso`),
        job.signal,
      );
    },
  };
}

/** Names of machines have no quotes or other characters that GRUB reads as its own. */
function grubConfiguration(name: string, cmdline: string): string {
  return `set timeout=2
menuentry '${name}' {
  linux /boot/${KERNEL} ${cmdline}
  initrd /boot/${INITRD}
}
`;
}

function labelOf(name: string): string {
  return name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9_]/g, '_')
    .slice(0, 32);
}

async function digestOf(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash, { signal });
  return hash.digest('hex');
}
