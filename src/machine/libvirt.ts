// The domain XML of libvirt, with the choices that virt-install would make: https://libvirt.org/formatdomain.html

import { type MachineNetwork, uuidOf } from '../model/machine/machine.ts';
import { type Arch, type Description, diskTarget, memoryMiB, osOfMachine } from './description.ts';
import { type Xml, xmlDocument } from './xml.ts';

export interface DomainOptions {
  /** Absolute path of the directory with the disks, on the host of the domain. */
  readonly directory: string;
  readonly type: 'kvm' | 'qemu';
}

const MACHINES: Readonly<Record<Arch, string>> = { x86_64: 'q35', aarch64: 'virt' };

/** The file of a definition, for `virsh define`. */
export function domainXml(description: Description, options: DomainOptions): string {
  const { machine, arch } = description;
  const os = osOfMachine(machine);
  return xmlDocument({
    domain: {
      '@type': options.type,
      name: machine.name,
      uuid: uuidOf(machine.name),
      metadata: os.url === undefined ? undefined : osinfo(os.url),
      memory: { '@unit': 'MiB', '#': memoryMiB(machine) },
      vcpu: machine.cpus,
      os: {
        ...firmware(description),
        type: { '@arch': arch, '@machine': MACHINES[arch], '#': 'hvm' },
        boot: { '@dev': 'hd' },
      },
      features: {
        acpi: '',
        ...(arch === 'x86_64' ? { apic: '' } : {}),
        ...(os.isWindows
          ? { hyperv: { relaxed: ON, vapic: ON, spinlocks: { ...ON, '@retries': 8191 } } }
          : {}),
        ...(machine.secureBoot && arch === 'x86_64' ? { smm: ON } : {}),
      },
      cpu: { '@mode': options.type === 'kvm' ? 'host-passthrough' : 'maximum' },
      clock: { '@offset': os.isWindows ? 'localtime' : 'utc' },
      on_poweroff: 'destroy',
      on_reboot: 'restart',
      on_crash: 'destroy',
      devices: devices(description, options, os.isWindows),
    },
  });
}

const ON = { '@state': 'on' } as const;

function osinfo(url: string): Xml {
  return {
    'libosinfo:libosinfo': {
      '@xmlns:libosinfo': 'http://libosinfo.org/xmlns/libvirt/domain/1.0',
      'libosinfo:os': { '@id': url },
    },
  };
}

/** libvirt chooses the firmware's files among those that are installed. ARM machines have no BIOS. */
function firmware({ machine, arch }: Description): Xml {
  if (machine.firmware === 'bios' && arch === 'x86_64') return {};
  const feature = machine.secureBoot
    ? ['enrolled-keys', 'secure-boot'].map((name) => ({ '@enabled': 'yes', '@name': name }))
    : { '@enabled': 'no', '@name': 'secure-boot' };
  return { '@firmware': 'efi', firmware: { feature } };
}

function devices({ machine, disks, arch }: Description, options: DomainOptions, isWindows: boolean): Xml {
  const [bus, prefix] = isWindows ? ['sata', 'sd'] : ['virtio', 'vd'];
  return {
    disk: disks.map(({ file, name }, index) => ({
      '@type': 'file',
      '@device': 'disk',
      driver: { '@name': 'qemu', '@type': 'qcow2', '@discard': 'unmap' },
      source: { '@file': `${options.directory}/${file}` },
      target: { '@dev': diskTarget(prefix ?? '', index), '@bus': bus },
      serial: name,
    })),
    interface: machine.networks.map(networkInterface),
    serial: { '@type': 'pty' },
    console: { '@type': 'pty' },
    channel: { '@type': 'unix', target: { '@type': 'virtio', '@name': 'org.qemu.guest_agent.0' } },
    ...(arch === 'x86_64'
      ? {
          input: { '@type': 'tablet', '@bus': 'usb' },
          graphics: { '@type': 'vnc', '@port': '-1', '@autoport': 'yes' },
          video: { model: { '@type': 'vga' } },
        }
      : {}),
    memballoon: { '@model': 'virtio' },
    rng: { '@model': 'virtio', backend: { '@model': 'random', '#': '/dev/urandom' } },
  };
}

function networkInterface({ bridge, network, model, mac }: MachineNetwork): Xml {
  const [type, source] =
    bridge === undefined
      ? ['network', { '@network': network ?? 'default' }]
      : ['bridge', { '@bridge': bridge }];
  return { '@type': type, mac: { '@address': mac }, source, model: { '@type': model } };
}
