// The format ramdisk: a kernel and an initrd, with which a machine needs no disk, and a script for iPXE.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { ok } from '../../model/failure.ts';
import type { Exporter, ExportTools } from '../../model/ports/exporter.ts';
import { cmdlineOf, INITRD, KERNEL, refusalOf, writeLive } from './live.ts';

export function ramdiskExporter(tools: Pick<ExportTools, 'media' | 'packings'>): Exporter {
  return {
    version: 1,
    describesMachine: false,
    refusal: refusalOf('ramdisk'),
    write: async (job) => {
      const written = await writeLive(job, job.directory, tools);
      if (!written.ok) return written;
      const cmdline = cmdlineOf(job.options);
      writeFileSync(path.join(job.directory, 'cmdline'), `${cmdline}\n`);
      writeFileSync(path.join(job.directory, 'boot.ipxe'), ipxeScript(cmdline));
      return ok();
    },
  };
}

/** Names are relative to the URL of the script. UEFI finds the initrd by the argument. */
function ipxeScript(cmdline: string): string {
  return ['#!ipxe', `kernel ${KERNEL} initrd=${INITRD} ${cmdline}`, `initrd ${INITRD}`, 'boot', ''].join(
    '\n',
  );
}
