// A machine: what is to run, with disks, memory, processors, network and firmware. Words are those of libvirt's domain XML.

import { createHash } from 'node:crypto';
import { MAIN_DISK } from '../artifact.ts';
import type { ExportOrder } from './format.ts';

export interface Machine {
  /** Unique among the machines, images and layers that are exported. */
  readonly name: string;
  /** The system disk first. */
  readonly disks: readonly [ImageDisk, ...MachineDisk[]];
  /** Bytes. */
  readonly memory: number;
  readonly cpus: number;
  readonly firmware: Firmware;
  readonly secureBoot: boolean;
  readonly networks: readonly MachineNetwork[];
  /** Short id of the operating system in osinfo's database, such as `debian12`. */
  readonly os?: string;
  /** What the index of a repository says of it. */
  readonly template?: MachineTemplate;
  /** What `vlb export` makes of it. */
  readonly exports: readonly ExportOrder[];
}

/** In the words of virt-builder(1). */
export interface MachineTemplate {
  /** One line. Default: what the system in the image calls itself. */
  readonly name?: string;
  /** Several lines. */
  readonly notes?: string;
  /** Partition that gets the space of a larger disk. Default: that of the root file system. */
  readonly expand?: string;
  /** Logical volume that gets the space of that partition. */
  readonly lvexpand?: string;
}

export type Firmware = 'bios' | 'uefi';

export type MachineDisk = ImageDisk | EmptyDisk;

export interface ImageDisk {
  /** `main` for the system disk. */
  readonly name: string;
  /** A layer, or an image of vlb.yaml, by name. */
  readonly image: string;
}

export interface EmptyDisk {
  readonly name: string;
  readonly image?: undefined;
  /** Bytes. */
  readonly size: number;
}

export interface MachineNetwork {
  /** A bridge of the host, or a network of libvirt; without either, the default network. */
  readonly bridge?: string;
  readonly network?: string;
  readonly model: string;
  /** Lower case. */
  readonly mac: string;
}

export const DEFAULT_MEMORY = 1024 ** 3;
export const DEFAULT_CPUS = 1;
export const DEFAULT_NIC_MODEL = 'virtio';

/** A machine with one disk and defaults, for an image or a layer that no machine names. */
export function machineOf(name: string, image: string): Machine {
  return {
    name,
    disks: [{ name: MAIN_DISK, image }],
    memory: DEFAULT_MEMORY,
    cpus: DEFAULT_CPUS,
    firmware: 'bios',
    secureBoot: false,
    networks: [{ model: DEFAULT_NIC_MODEL, mac: macOf(name, 0) }],
    exports: [],
  };
}

/** A machine with further disks of its system's image, behind the one of the system. */
export function withFurtherDisks(machine: Machine, further: readonly { readonly name: string }[]): Machine {
  const [system, ...others] = machine.disks;
  const more = further.map(({ name }) => ({ name, image: system.image }));
  return { ...machine, disks: [system, ...more, ...others] };
}

/** The UUID of a machine, which stays the same as long as its name does: version 5 of RFC 9562, in a namespace of vlb's own. */
export function uuidOf(name: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Generated once, at random. */
const NAMESPACE = Buffer.from('6f0e1b7c9f0d4d3f8f6f2f5f3b1d7a90', 'hex');

/** The MAC address of a machine's network card, where vlb.yaml sets none: in QEMU's range, from the names alone. */
export function macOf(name: string, card: number): string {
  const hex = createHash('sha1').update(`${name}\0${card}`).digest('hex');
  return `52:54:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`;
}
