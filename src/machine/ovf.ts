// The descriptor of a machine in the Open Virtualization Format 1.1 (DSP0243), and the manifest of its files.

import { MAIN_DISK } from '../model/artifact.ts';
import type { Machine, MachineNetwork } from '../model/machine/machine.ts';
import { type Description, memoryMiB, osOfMachine } from './description.ts';
import type { Os } from './os.ts';
import { virtualBoxOs } from './virtualbox.ts';
import { guestOs, VMWARE_CARDS } from './vmware.ts';
import { type Xml, xmlDocument } from './xml.ts';

/** A disk's file as it was written. */
export interface DiskFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

export interface OvfOptions {
  /** The files of the disks, in their order. */
  readonly files: readonly DiskFile[];
  /** Whether cards are named as VirtualBox knows them; it does not know VMware's. */
  readonly forVirtualBox: boolean;
}

const NAMESPACES = {
  '@xmlns': 'http://schemas.dmtf.org/ovf/envelope/1',
  '@xmlns:ovf': 'http://schemas.dmtf.org/ovf/envelope/1',
  '@xmlns:rasd': 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData',
  '@xmlns:vssd': 'http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData',
  '@xmlns:vmw': 'http://www.vmware.com/schema/ovf',
  '@xmlns:vbox': 'http://www.virtualbox.org/ovf/machine',
} as const;

const STREAM_OPTIMIZED = 'http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized';

export function ovf(description: Description, options: OvfOptions): string {
  const { machine, disks } = description;
  const os = osOfMachine(machine);
  return xmlDocument({
    Envelope: {
      ...NAMESPACES,
      References: {
        File: options.files.map(({ name, size }, index) => ({
          '@ovf:id': `file${index + 1}`,
          '@ovf:href': name,
          '@ovf:size': size,
        })),
      },
      DiskSection: {
        Info: 'Virtual disks',
        Disk: disks.map(({ size }, index) => ({
          '@ovf:diskId': `disk${index + 1}`,
          '@ovf:fileRef': `file${index + 1}`,
          '@ovf:capacity': size,
          '@ovf:capacityAllocationUnits': 'byte',
          '@ovf:format': STREAM_OPTIMIZED,
        })),
      },
      NetworkSection: {
        Info: 'Networks of the machine',
        Network: networkNames(machine).map((name) => ({
          '@ovf:name': name,
          Description: `The network ${name}`,
        })),
      },
      VirtualSystem: {
        '@ovf:id': machine.name,
        Info: 'A virtual machine',
        Name: machine.name,
        OperatingSystemSection: systemSection(os),
        VirtualHardwareSection: hardwareSection(description, options),
      },
    },
  });
}

/** The networks that the cards are on. The program that imports the machine asks which of its own to use for them. */
function networkNames({ networks }: Machine): readonly string[] {
  return [...new Set(networks.map(networkName))];
}

function networkName({ bridge, network }: MachineNetwork): string {
  return bridge ?? network ?? 'NAT';
}

/** CIM's numbers: 101 is a Linux of 64 bits, 94 and 96 are Ubuntu and Debian, 80 is Red Hat Enterprise Linux. */
const CIM: Readonly<Record<string, number>> = {
  debian: 96,
  ubuntu: 94,
  rhel: 80,
  sles: 85,
  sle: 85,
  freebsd: 78,
  win: 112,
};

function systemSection(os: Os): Xml {
  const guest = guestOs(os).replace(/-64$/, '_64').replace(/_64$/, '_64Guest');
  return {
    '@ovf:id': CIM[os.distribution] ?? 101,
    '@vmw:osType': guest.replace(/^other5xlinux/, 'other5xLinux').replace(/^oraclelinux/, 'oracleLinux'),
    Info: 'The operating system',
    Description: os.id,
    'vbox:OSType': { '@ovf:required': 'false', '#': virtualBoxOs(os) },
  };
}

function hardwareSection({ machine, disks }: Description, { forVirtualBox }: OvfOptions): Xml {
  const { cpus } = machine;
  const mebibytes = memoryMiB(machine);
  const system = {
    'vssd:ElementName': 'Virtual Hardware Family',
    'vssd:InstanceID': 0,
    'vssd:VirtualSystemIdentifier': machine.name,
    'vssd:VirtualSystemType': forVirtualBox ? 'virtualbox-2.2' : 'vmx-19',
  };
  const items: readonly Xml[] = [
    item(1, 3, `${cpus} processors`, {
      'rasd:AllocationUnits': 'hertz * 10^6',
      'rasd:VirtualQuantity': cpus,
    }),
    item(2, 4, `${mebibytes} MiB of memory`, {
      'rasd:AllocationUnits': 'byte * 2^20',
      'rasd:VirtualQuantity': mebibytes,
    }),
    item(3, 20, 'SATA controller', {
      'rasd:Address': 0,
      'rasd:ResourceSubType': forVirtualBox ? 'AHCI' : 'vmware.sata.ahci',
    }),
    ...disks.map(({ name }, index) =>
      item(10 + index, 17, name === MAIN_DISK ? 'System disk' : `Disk ${name}`, {
        'rasd:AddressOnParent': index,
        'rasd:HostResource': `ovf:/disk/disk${index + 1}`,
        'rasd:Parent': 3,
      }),
    ),
    ...machine.networks.map((network, index) => card(network, 100 + index, index, forVirtualBox)),
  ];
  return {
    Info: 'The virtual hardware',
    System: system,
    Item: items,
    ...(machine.firmware === 'uefi' && !forVirtualBox ? { 'vmw:Config': firmware(machine) } : {}),
  };
}

function firmware({ secureBoot }: Machine): readonly Xml[] {
  const config = (key: string, value: string) => ({
    '@ovf:required': 'false',
    '@vmw:key': key,
    '@vmw:value': value,
  });
  return [
    config('firmware', 'efi'),
    ...(secureBoot ? [config('bootOptions.efiSecureBootEnabled', 'true')] : []),
  ];
}

function card(network: MachineNetwork, id: number, index: number, forVirtualBox: boolean): Xml {
  const model = VMWARE_CARDS[network.model] ?? network.model;
  const names: Readonly<Record<string, string>> = { vmxnet3: 'VmxNet3', e1000: 'E1000', e1000e: 'E1000e' };
  const subtype = forVirtualBox && network.model === 'virtio' ? 'virtio' : (names[model] ?? model);
  return item(id, 10, `Network card ${index + 1}`, {
    'rasd:Address': network.mac,
    'rasd:AddressOnParent': index,
    'rasd:AutomaticAllocation': 'true',
    'rasd:Connection': networkName(network),
    'rasd:ResourceSubType': subtype,
  });
}

/** An item of hardware; its elements are in the order of their names, as the schema of CIM requires it. */
function item(id: number, type: number, name: string, more: Readonly<Record<string, string | number>>): Xml {
  const elements = { 'rasd:ElementName': name, 'rasd:InstanceID': id, 'rasd:ResourceType': type, ...more };
  return Object.fromEntries(Object.entries(elements).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The manifest of an archive: a line for each file. */
export function ovfManifest(files: readonly { readonly name: string; readonly sha256: string }[]): string {
  return files.map(({ name, sha256 }) => `SHA256(${name})= ${sha256}\n`).join('');
}
