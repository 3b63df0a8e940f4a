// The settings of a VirtualBox machine, a .vbox file: VirtualBox-settings.xsd, version 1.16, which VirtualBox 5.1 and later read.

import { type MachineNetwork, uuidOf } from '../model/machine/machine.ts';
import { type Description, memoryMiB, osOfMachine } from './description.ts';
import type { Os } from './os.ts';
import { type Xml, xmlDocument } from './xml.ts';

/** What VirtualBox calls a network card, by the words of vlb.yaml. */
export const VIRTUALBOX_CARDS: Readonly<Record<string, string>> = { virtio: 'virtio', e1000: '82540EM' };

export function vbox(description: Description): string {
  const { machine, disks } = description;
  const os = osOfMachine(machine);
  return xmlDocument({
    VirtualBox: {
      '@xmlns': 'http://www.virtualbox.org/',
      '@version': '1.16-linux',
      Machine: {
        '@uuid': braced(uuidOf(machine.name)),
        '@name': machine.name,
        '@OSType': virtualBoxOs(os),
        '@snapshotFolder': 'Snapshots',
        MediaRegistry: {
          HardDisks: {
            HardDisk: disks.map(({ file, identity }) => ({
              '@uuid': braced(identity),
              '@location': file,
              '@format': 'VDI',
              '@type': 'Normal',
            })),
          },
        },
        Hardware: hardware(description, os),
        StorageControllers: {
          StorageController: {
            '@name': 'SATA',
            '@type': 'AHCI',
            '@PortCount': disks.length,
            '@useHostIOCache': 'false',
            '@Bootable': 'true',
            AttachedDevice: disks.map(({ identity }, port) => ({
              '@type': 'HardDisk',
              '@hotpluggable': 'false',
              '@port': port,
              '@device': 0,
              Image: { '@uuid': braced(identity) },
            })),
          },
        },
      },
    },
  });
}

function hardware({ machine }: Description, os: Os): Xml {
  return {
    CPU: { '@count': machine.cpus, PAE: ON, LongMode: ON },
    Memory: { '@RAMSize': memoryMiB(machine) },
    Firmware: { '@type': machine.firmware === 'uefi' ? 'EFI' : 'BIOS' },
    HID: { '@Pointing': 'USBTablet' },
    Chipset: { '@type': 'ICH9' },
    Paravirt: { '@provider': 'Default' },
    Boot: { Order: { '@position': 1, '@device': 'HardDisk' } },
    Display: { '@controller': 'VMSVGA', '@VRAMSize': 16 },
    BIOS: { IOAPIC: ON },
    USB: { Controllers: { Controller: { '@name': 'OHCI', '@type': 'OHCI' } } },
    Network: { Adapter: machine.networks.map(adapter) },
    RTC: { '@localOrUTC': os.isWindows ? 'local' : 'UTC' },
  };
}

const ON = { '@enabled': 'true' } as const;

function adapter({ bridge, model, mac }: MachineNetwork, slot: number): Xml {
  return {
    '@slot': slot,
    '@enabled': 'true',
    '@MACAddress': mac.replaceAll(':', '').toUpperCase(),
    '@type': VIRTUALBOX_CARDS[model] ?? model,
    ...(bridge === undefined ? { NAT: '' } : { BridgedInterface: { '@name': bridge } }),
  };
}

function braced(uuid: string): string {
  return `{${uuid}}`;
}

const TYPES: Readonly<Record<string, string>> = {
  debian: 'Debian_64',
  ubuntu: 'Ubuntu_64',
  fedora: 'Fedora_64',
  rhel: 'RedHat_64',
  'centos-stream': 'RedHat_64',
  centos: 'RedHat_64',
  rocky: 'RedHat_64',
  almalinux: 'RedHat_64',
  ol: 'Oracle_64',
  opensuse: 'OpenSUSE_64',
  sles: 'OpenSUSE_64',
  sle: 'OpenSUSE_64',
  archlinux: 'ArchLinux_64',
  gentoo: 'Gentoo_64',
  freebsd: 'FreeBSD_64',
  openbsd: 'OpenBSD_64',
  netbsd: 'NetBSD_64',
  win: 'Windows10_64',
};

/** The type of the guest as VirtualBox 5.1 and later know it. */
export function virtualBoxOs({ distribution }: Os): string {
  return TYPES[distribution] ?? 'Linux26_64';
}

/** One SATA controller, and the adapters that all chipsets have: https://www.virtualbox.org/manual/ch06.html */
export const VIRTUALBOX_MOST = { disks: 30, networks: 8 } as const;
