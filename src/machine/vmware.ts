// The configuration of a machine of VMware's programs, a .vmx file: a line `key = "value"` each.

import { type MachineNetwork, uuidOf } from '../model/machine/machine.ts';
import { type Description, memoryMiB, osOfMachine } from './description.ts';
import type { Os } from './os.ts';

/** Of ESXi 7.0 Update 2 and Workstation 16.2: later versions read it as well. */
const HARDWARE_VERSION = 19;

/** What VMware calls a network card, by the words of vlb.yaml. It has no virtio, vmxnet3 is its own of that kind. */
export const VMWARE_CARDS: Readonly<Record<string, string>> = {
  virtio: 'vmxnet3',
  vmxnet3: 'vmxnet3',
  e1000: 'e1000',
  e1000e: 'e1000e',
};

export function vmx(description: Description): string {
  const { machine, disks } = description;
  const os = osOfMachine(machine);
  const uuid = uuidBytes(uuidOf(machine.name));
  const entries: (readonly [string, string | number])[] = [
    ['.encoding', 'UTF-8'],
    ['config.version', 8],
    ['virtualHW.version', HARDWARE_VERSION],
    ['displayName', machine.name],
    ['guestOS', guestOs(os)],
    ['memSize', Math.ceil(memoryMiB(machine) / 4) * 4],
    ['numvcpus', machine.cpus],
    ['uuid.bios', uuid],
    // Without it, the program asks whether the machine was moved or copied, and a copy gets other addresses.
    ['uuid.action', 'keep'],
    // A BIOS is what there is without it.
    ...(machine.firmware === 'uefi' ? [['firmware', 'efi'] as const] : []),
    ...(machine.secureBoot ? [['uefi.secureBoot.enabled', 'TRUE'] as const] : []),
    ['pciBridge0.present', 'TRUE'],
    ...[4, 5, 6, 7].flatMap((bridge) => [
      [`pciBridge${bridge}.present`, 'TRUE'] as const,
      [`pciBridge${bridge}.virtualDev`, 'pcieRootPort'] as const,
      [`pciBridge${bridge}.functions`, 8] as const,
    ]),
    ['vmci0.present', 'TRUE'],
    ['hpet0.present', 'TRUE'],
    ['scsi0.present', 'TRUE'],
    ['scsi0.virtualDev', os.isWindows ? 'lsisas1068' : 'pvscsi'],
    ...disks.flatMap(({ file }, index) => [
      [`scsi0:${unit(index)}.present`, 'TRUE'] as const,
      [`scsi0:${unit(index)}.deviceType`, 'scsi-hardDisk'] as const,
      [`scsi0:${unit(index)}.fileName`, file] as const,
    ]),
    ...machine.networks.flatMap(card),
    ['tools.syncTime', 'TRUE'],
  ];
  return entries.map(([key, value]) => `${key} = "${value}"\n`).join('');
}

/** Of one controller, and of a machine: https://configmax.broadcom.com */
export const VMWARE_MOST = { disks: 15, networks: 10 } as const;

/** The controller itself is unit 7. */
export function unit(index: number): number {
  return index < 7 ? index : index + 1;
}

function card({ bridge, model, mac }: MachineNetwork, index: number): (readonly [string, string])[] {
  const name = `ethernet${index}`;
  return [
    [`${name}.present`, 'TRUE'],
    [`${name}.virtualDev`, VMWARE_CARDS[model] ?? model],
    [`${name}.connectionType`, bridge === undefined ? 'nat' : 'bridged'],
    [`${name}.addressType`, 'static'],
    [`${name}.address`, mac],
    // VMware's own addresses begin with 00:50:56; others are refused without this.
    [`${name}.checkMACAddress`, 'FALSE'],
  ];
}

/** `56 4d … 12-34 …`: sixteen bytes, with a dash in the middle. */
function uuidBytes(uuid: string): string {
  const bytes = uuid.replaceAll('-', '').match(/../g) ?? [];
  return `${bytes.slice(0, 8).join(' ')}-${bytes.slice(8).join(' ')}`;
}

/** The identifiers that VMware's programs know, up to the hardware version above; later systems get that of the newest. */
const GUESTS: Readonly<Record<string, (major: number) => string>> = {
  debian: (major) => `debian${Math.min(major || 11, 11)}-64`,
  ubuntu: () => 'ubuntu-64',
  fedora: () => 'fedora-64',
  rhel: (major) => `rhel${Math.min(major, 9)}-64`,
  'centos-stream': (major) => `centos${Math.min(major, 9)}-64`,
  centos: (major) => `centos${Math.min(major, 9)}-64`,
  ol: (major) => `oraclelinux${Math.min(major, 9)}-64`,
  rocky: () => 'rockylinux-64',
  almalinux: () => 'almalinux-64',
  opensuse: () => 'opensuse-64',
  sles: (major) => `sles${Math.min(major, 15)}-64`,
  sle: (major) => `sles${Math.min(major, 15)}-64`,
  freebsd: (major) => `freebsd${Math.min(major, 13)}-64`,
  win: () => 'windows2019srv-64',
};

export function guestOs({ distribution, version }: Os): string {
  const major = Number.parseInt(version, 10);
  return GUESTS[distribution]?.(Number.isNaN(major) ? 0 : major) ?? 'other5xlinux-64';
}
