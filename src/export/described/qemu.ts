// The format qemu: the disks, and a script that runs the machine.

import { runMost, runScript } from '../../machine/qemu-script.ts';
import type { Exporter } from '../../model/ports/exporter.ts';
import { eachDisk } from '../each-disk.ts';
import { ZSTD_QCOW2 } from '../qcow2.ts';
import { describe, unable, writeText } from './describe.ts';

export function qemuExporter(): Exporter {
  const writeDisks = eachDisk('qcow2', ZSTD_QCOW2);
  return {
    version: 1,
    describesMachine: true,
    refusal: (job) => unable('qemu', job, { secureBoot: process.arch === 'x64', ...runMost(job.machine) }),
    write: async (job) => {
      const script = writeText(job, 'run', runScript(describe(job, 'qcow2')));
      return script.ok ? writeDisks(job) : script;
    },
  };
}
