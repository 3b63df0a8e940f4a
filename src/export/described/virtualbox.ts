// The format virtualbox: a .vbox file and its disks.

import { VIRTUALBOX_CARDS, VIRTUALBOX_MOST, vbox } from '../../machine/virtualbox.ts';
import type { Exporter } from '../../model/ports/exporter.ts';
import { eachDisk } from '../each-disk.ts';
import { VDI } from '../vdi.ts';
import { describe, unable, writeText } from './describe.ts';

export function virtualBoxExporter(): Exporter {
  const writeDisks = eachDisk('vdi', VDI);
  return {
    version: 1,
    describesMachine: true,
    refusal: (job) =>
      unable('virtualbox', job, {
        architectures: ['x86_64'],
        cards: Object.keys(VIRTUALBOX_CARDS),
        secureBoot: false,
        ...VIRTUALBOX_MOST,
      }),
    write: async (job) => {
      const described = writeText(job, `${job.machine.name}.vbox`, vbox(describe(job, 'vdi')));
      return described.ok ? writeDisks(job) : described;
    },
  };
}
