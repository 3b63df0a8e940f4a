// Reads what is on a disk: its partitions and the file systems in them.

import { ok, type Result } from '../../model/failure.ts';
import type { VolumeId } from '../../model/project.ts';
import { probeDisk } from '../root/agent-devices.ts';
import type { RootShell } from '../root/root-shell.ts';

export interface Volume {
  /** From 1; 0 for a disk without a partition table, whose file system begins at its first byte. Undefined inside of another volume. */
  readonly partition: number | undefined;
  /** Inside of another volume: VG/LV of LVM, or the name of a LUKS volume that is open. */
  readonly name?: string;
  /** The same: what the kernel calls it, `dm-0`. */
  readonly node?: string;
  /** Inside of LUKS: the UUID of that. */
  readonly luks?: string;
  readonly device: string;
  /** Which of the disks it is on, see `DiskVolume`. */
  readonly disk?: number;
  /** The number of the device, as stat(2) has it in `st_dev` for the files of its file system; undefined if it is gone. */
  readonly number: number | undefined;
  /** Its TYPE: ext4, vfat, LVM2_member, …; undefined where nothing is recognized. */
  readonly type: string | undefined;
  /** What blkid found out about it, by the names that it uses: TYPE, UUID, PART_ENTRY_NAME, … */
  readonly tags: ReadonlyMap<string, string>;
}

/** Returns the volumes of an attached disk, in the order of their numbers. Fails as `host` when blkid fails. */
export async function readVolumes(shell: RootShell, device: string): Promise<Result<readonly Volume[]>> {
  const probed = await probeDisk(shell, device);
  return probed.ok ? ok(parseVolumes(probed.value, device)) : probed;
}

/** Parses the output of `probe_disk`; see agent-devices.ts. */
export function parseVolumes(text: string, disk: string): readonly Volume[] {
  const tags = parseBlkid(text);
  const volumes = [...text.matchAll(/^volume (\S+) (?:(\d+):(\d+))?$/gm)].map(
    ([, device = '', major, minor]) => ({
      partition: partitionOf(device, disk),
      device,
      number: major === undefined ? undefined : deviceNumber(Number(major), Number(minor)),
      type: tags.get(device)?.get('TYPE'),
      tags: tags.get(device) ?? new Map(),
    }),
  );
  return volumes.sort((a, b) => (a.partition ?? 0) - (b.partition ?? 0));
}

function partitionOf(device: string, disk: string): number | undefined {
  if (device === disk) return 0;
  return device.startsWith(`${disk}p`) ? Number(device.slice(`${disk}p`.length)) : undefined;
}

/** makedev(3), for the major numbers below 4096 that Linux has. */
function deviceNumber(major: number, minor: number): number {
  return Math.floor(minor / 256) * 2 ** 20 + major * 256 + (minor % 256);
}

/** Parses the output of blkid(8) with `--output export`: blocks of NAME=value lines, DEVNAME first. Returns tags by device. */
function parseBlkid(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const devices = new Map<string, Map<string, string>>();
  let tags = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [name, value] = [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)];
    if (name === 'DEVNAME') {
      tags = new Map();
      devices.set(value, tags);
    } else if (name !== '') {
      tags.set(name, unescaped(value));
    }
  }
  return devices;
}

/** Values have a backslash before what shells treat specially, and bytes that are not printed as `\\x` and two digits. */
function unescaped(value: string): string {
  const bytes = [...value.matchAll(/\\x([0-9a-f]{2})|\\?(.)/gs)].map(([, hex, character = '']) =>
    hex === undefined ? Buffer.from(character) : Buffer.from(hex, 'hex'),
  );
  return Buffer.concat(bytes).toString();
}

/** Whether a volume is the one that a hint names. */
export function isVolume({ partition, name }: Pick<Volume, 'partition' | 'name'>, wanted: VolumeId): boolean {
  return wanted === partition || wanted === name;
}

/** What the volumes of a disk are, for a message. */
export function describeVolumes(volumes: readonly Volume[]): string {
  const parts = volumes.map(({ partition, name, type }) =>
    partition === 0
      ? `the disk has no partition table and holds ${type ?? 'no known file system'}`
      : `${name ?? `p${partition}`} is ${type ?? 'unknown'}`,
  );
  return parts.join(', ');
}
