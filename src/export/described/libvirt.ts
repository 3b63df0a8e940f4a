// The format libvirt: a domain's XML, its disks, and a script that defines it with copies of them.

import { domainXml } from '../../machine/libvirt.ts';
import { defineScript, LIBVIRT_IMAGES } from '../../machine/libvirt-script.ts';
import type { Exporter } from '../../model/ports/exporter.ts';
import { eachDisk } from '../each-disk.ts';
import { ZSTD_QCOW2 } from '../qcow2.ts';
import { describe, writeText } from './describe.ts';

export function libvirtExporter(): Exporter {
  const writeDisks = eachDisk('qcow2', ZSTD_QCOW2);
  return {
    version: 1,
    describesMachine: true,
    write: async (job) => {
      const description = describe(job, 'qcow2');
      const definition = `${job.machine.name}.xml`;
      const type = job.options['type'] === 'qemu' ? 'qemu' : 'kvm';
      const xml = domainXml(description, { directory: LIBVIRT_IMAGES, type });
      const defined = writeText(job, definition, xml);
      if (!defined.ok) return defined;
      const script = writeText(job, 'define', defineScript(description, definition));
      return script.ok ? writeDisks(job) : script;
    },
  };
}
