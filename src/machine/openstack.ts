// The script that uploads the disks to OpenStack's image service, with the properties that Nova and libvirt read.

import { MAIN_DISK } from '../model/artifact.ts';
import { inQuotes, quoteCommand } from '../util/quote.ts';
import { type Arch, type Description, memoryMiB, osOfMachine } from './description.ts';

/** The models of cards that hw_vif_model takes. */
export const OPENSTACK_CARDS = ['virtio', 'e1000', 'e1000e', 'rtl8139', 'vmxnet3'] as const;

const ARCHITECTURES: Readonly<Record<Arch, string>> = { x86_64: 'x86_64', aarch64: 'aarch64' };

export function openstackScript({ machine, disks, arch }: Description): string {
  const os = osOfMachine(machine);
  const model = machine.networks[0]?.model ?? 'virtio';
  const properties = [
    ['architecture', ARCHITECTURES[arch]],
    ['hw_disk_bus', os.isWindows ? 'sata' : 'virtio'],
    ['hw_vif_model', model],
    ['hw_firmware_type', machine.firmware],
    ...(machine.secureBoot ? [['os_secure_boot', 'required']] : []),
    ['hw_qemu_guest_agent', 'yes'],
    ['os_type', os.isWindows ? 'windows' : 'linux'],
    ...(os.url === undefined
      ? []
      : [['os_distro', os.distribution === 'alpinelinux' ? 'alpine' : os.distribution]]),
    ...(os.url === undefined || os.version === '' ? [] : [['os_version', os.version]]),
  ].map(([name, value]) => quoteCommand(['--property', `${name}=${value}`]));
  const uploads = disks.map(({ name, file, size }) => {
    const isMain = name === MAIN_DISK;
    const image = isMain ? machine.name : `${machine.name}-${name}`;
    const needs = [
      '--min-disk',
      String(Math.ceil(size / 1024 ** 3)),
      ...(isMain ? ['--min-ram', String(memoryMiB(machine))] : []),
    ];
    const lines = [
      `openstack image create "$@" --disk-format qcow2 --container-format bare`,
      quoteCommand(needs),
      ...(isMain ? properties : []),
      `--file "$here/${inQuotes(file)}" ${quoteCommand([image])}`,
    ];
    return lines.join(' \\\n  ');
  });
  return `#!/bin/sh
# upload [OPTION...]: uploads the disks of the machine ${machine.name} as images of OpenStack. OPTIONs are those of openstack image create, such as
# --private. Cards, memory and processors are those of the server and its flavor: this machine wants ${machine.cpus} processors.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
${uploads.join('\n')}
`;
}
