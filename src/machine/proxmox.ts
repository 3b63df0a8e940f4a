// The script that makes a virtual machine of Proxmox VE out of the disks: qm(1).

import { type MachineNetwork, uuidOf } from '../model/machine/machine.ts';
import { inQuotes, quoteCommand } from '../util/quote.ts';
import { type Description, memoryMiB, osOfMachine } from './description.ts';

export function proxmoxScript({ machine, disks }: Description): string {
  const os = osOfMachine(machine);
  const isUefi = machine.firmware === 'uefi';
  const bus = os.isWindows ? 'sata' : 'scsi';
  const options = [
    ['--name', machine.name.replaceAll(/[._]/g, '-')],
    ['--ostype', os.isWindows ? 'win11' : 'l26'],
    ['--machine', 'q35'],
    ['--cpu', 'x86-64-v2-AES'],
    ['--cores', String(machine.cpus)],
    ['--memory', String(memoryMiB(machine))],
    ['--bios', isUefi ? 'ovmf' : 'seabios'],
    ['--scsihw', 'virtio-scsi-single'],
    ['--smbios1', `uuid=${uuidOf(machine.name)}`],
    ['--agent', '1'],
    ['--serial0', 'socket'],
    ...machine.networks.map((network, index) => [`--net${index}`, card(network)]),
  ];
  const efi = isUefi
    ? ` \\\n  --efidisk0 "$storage:1,efitype=4m,pre-enrolled-keys=${machine.secureBoot ? 1 : 0}"`
    : '';
  const drives = disks.map(
    ({ file }, index) => `  --${bus}${index} "$storage:0,discard=on,import-from=$here/${inQuotes(file)}"`,
  );
  return `#!/bin/sh
# import VMID [STORAGE]: makes the virtual machine VMID of Proxmox VE 8.0 or later with copies of these disks. Run it as root on a node.
# STORAGE is where the disks go, by default local-lvm.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
id=\${1:?usage: import VMID [STORAGE]}
storage=\${2:-local-lvm}
qm create "$id" \\
  ${options.map((words) => quoteCommand(words)).join(' \\\n  ')}${efi} \\
${drives.join(' \\\n')} \\
  --boot order=${bus}0
echo "start it with: qm start $id"
`;
}

function card({ bridge, model, mac }: MachineNetwork): string {
  return `${model}=${mac.toUpperCase()},bridge=${bridge ?? 'vmbr0'}`;
}

/** The models of cards that Proxmox VE knows. */
export const PROXMOX_CARDS = ['virtio', 'e1000', 'e1000e', 'rtl8139', 'vmxnet3'] as const;

/** scsi0 to scsi30, and net0 to net31: qm(1). */
export const PROXMOX_MOST = { disks: 31, networks: 32 } as const;
