// The format vmware: a .vmx file and its disks, as Workstation, Player and Fusion open them.

import { VMWARE_CARDS, VMWARE_MOST, vmx } from '../../machine/vmware.ts';
import type { Exporter } from '../../model/ports/exporter.ts';
import { eachDisk } from '../each-disk.ts';
import { SPARSE_VMDK } from '../vmdk.ts';
import { describe, unable, writeText } from './describe.ts';

export function vmwareExporter(): Exporter {
  const writeDisks = eachDisk('vmdk', SPARSE_VMDK);
  return {
    version: 1,
    describesMachine: true,
    refusal: (job) =>
      unable('vmware', job, { architectures: ['x86_64'], cards: Object.keys(VMWARE_CARDS), ...VMWARE_MOST }),
    write: async (job) => {
      const described = writeText(job, `${job.machine.name}.vmx`, vmx(describe(job, 'vmdk')));
      return described.ok ? writeDisks(job) : described;
    },
  };
}
