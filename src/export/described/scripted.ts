// The formats of programs that are given a disk and commands: proxmox, openstack and hyperv.

import type { Description } from '../../machine/description.ts';
import { HYPERV_MOST, hypervScript } from '../../machine/hyperv.ts';
import { OPENSTACK_CARDS, openstackScript } from '../../machine/openstack.ts';
import { PROXMOX_CARDS, PROXMOX_MOST, proxmoxScript } from '../../machine/proxmox.ts';
import type { Exporter } from '../../model/ports/exporter.ts';
import { eachDisk, type WriteDisk } from '../each-disk.ts';
import { ZSTD_QCOW2 } from '../qcow2.ts';
import { VHDX } from '../vhdx.ts';
import { describe, unable, writeText } from './describe.ts';

interface Scripted {
  readonly format: string;
  readonly extension: string;
  readonly writeDisk: WriteDisk;
  /** The name of the script, and its text. */
  readonly script: string;
  readonly text: (description: Description) => string;
  readonly abilities: Parameters<typeof unable>[2];
}

export function proxmoxExporter(): Exporter {
  return scripted({
    ...{
      format: 'proxmox',
      extension: 'qcow2',
      writeDisk: ZSTD_QCOW2,
      script: 'import',
      text: proxmoxScript,
    },
    abilities: { architectures: ['x86_64'], cards: PROXMOX_CARDS, ...PROXMOX_MOST },
  });
}

export function openstackExporter(): Exporter {
  return scripted({
    ...{
      format: 'openstack',
      extension: 'qcow2',
      writeDisk: ZSTD_QCOW2,
      script: 'upload',
      text: openstackScript,
    },
    abilities: { cards: OPENSTACK_CARDS },
  });
}

/** Its cards have no models: Linux has the driver of the only one. */
export function hypervExporter(): Exporter {
  return scripted({
    ...{ format: 'hyperv', extension: 'vhdx', writeDisk: VHDX, script: 'import.ps1', text: hypervScript },
    abilities: { architectures: ['x86_64'], cards: ['virtio'], ...HYPERV_MOST },
  });
}

function scripted({ format, extension, writeDisk, script, text, abilities }: Scripted): Exporter {
  const writeDisks = eachDisk(extension, writeDisk);
  return {
    version: 1,
    describesMachine: true,
    refusal: (job) => unable(format, job, abilities),
    write: async (job) => {
      const written = writeText(job, script, text(describe(job, extension)));
      return written.ok ? writeDisks(job) : written;
    },
  };
}
