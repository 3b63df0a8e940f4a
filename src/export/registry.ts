// The formats that machines can be exported to: a new one is a file beside this, its entry in src/model/machine/format.ts, and
// one here.

import type { Exporters, ExportTools } from '../model/ports/exporter.ts';
import { containerdiskExporter } from './container/containerdisk.ts';
import { dockerExporter } from './container/docker.ts';
import { ociExporter } from './container/oci.ts';
import { ovaExporter, vagrantLibvirtExporter, vagrantVirtualBoxExporter } from './described/archived.ts';
import { libvirtExporter } from './described/libvirt.ts';
import { qemuExporter } from './described/qemu.ts';
import { hypervExporter, openstackExporter, proxmoxExporter } from './described/scripted.ts';
import { virtualBoxExporter } from './described/virtualbox.ts';
import { vmwareExporter } from './described/vmware.ts';
import { gceExporter } from './gce.ts';
import { isoExporter } from './media/iso.ts';
import { ramdiskExporter } from './media/ramdisk.ts';
import { qcow2Exporter } from './qcow2.ts';
import { rawExporter } from './raw.ts';
import { rootfsExporter } from './rootfs.ts';
import { vdiExporter } from './vdi.ts';
import { vhdExporter } from './vhd.ts';
import { vhdxExporter } from './vhdx.ts';
import { vmdkExporter } from './vmdk.ts';

/** @param tools read and convert disks on this host */
export function exportersFor(tools: ExportTools): Exporters {
  return {
    qcow2: qcow2Exporter(),
    raw: rawExporter(tools),
    'raw.xz': rawExporter(tools, 'xz'),
    'raw.zst': rawExporter(tools, 'zst'),
    'raw.gz': rawExporter(tools, 'gz'),
    vmdk: vmdkExporter(),
    vdi: vdiExporter(),
    vhdx: vhdxExporter(),
    vhd: vhdExporter(tools),
    gce: gceExporter(tools),
    libvirt: libvirtExporter(),
    qemu: qemuExporter(),
    vmware: vmwareExporter(),
    virtualbox: virtualBoxExporter(),
    ova: ovaExporter(tools),
    proxmox: proxmoxExporter(),
    openstack: openstackExporter(),
    hyperv: hypervExporter(),
    'vagrant-libvirt': vagrantLibvirtExporter(tools),
    'vagrant-virtualbox': vagrantVirtualBoxExporter(tools),
    rootfs: rootfsExporter(tools),
    oci: ociExporter(tools),
    docker: dockerExporter(tools),
    containerdisk: containerdiskExporter(tools),
    ramdisk: ramdiskExporter(tools),
    iso: isoExporter(tools),
  };
}
