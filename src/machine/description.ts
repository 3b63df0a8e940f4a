// What the descriptors of machines are made from, and what several of them share.

import { type Machine, uuidOf } from '../model/machine/machine.ts';
import { GENERIC_OS, type Os, osOf } from './os.ts';

export interface Description {
  readonly machine: Machine;
  readonly arch: Arch;
  /** The system disk first. */
  readonly disks: readonly [DescribedDisk, ...DescribedDisk[]];
}

export type Arch = 'x86_64' | 'aarch64';

export interface DescribedDisk {
  /** `main` for the system disk. */
  readonly name: string;
  /** The name of its file, without a directory. */
  readonly file: string;
  /** Virtual size, bytes. */
  readonly size: number;
  /** The identifier in its file, a UUID, where its format has one. */
  readonly identity: string;
}

/** The operating system of a machine; a generic Linux where it is not known. */
export function osOfMachine({ os = GENERIC_OS }: Pick<Machine, 'os'>): Os {
  return osOf(os);
}

/** Memory in whole MiB. */
export function memoryMiB({ memory }: Pick<Machine, 'memory'>): number {
  return Math.ceil(memory / 1024 ** 2);
}

/** The UUID of a disk with this content: that of a changed disk is another one. */
export function diskIdentity({ content, size }: { readonly content: string; readonly size: number }): string {
  return uuidOf(`disk\0${content}\0${size}`);
}

/** `sda`, `sdb`, …, `sdz`, `sdaa`. */
export function diskTarget(prefix: string, index: number): string {
  const letter = String.fromCharCode('a'.charCodeAt(0) + (index % 26));
  return index < 26 ? `${prefix}${letter}` : `${diskTarget(prefix, Math.floor(index / 26) - 1)}${letter}`;
}
