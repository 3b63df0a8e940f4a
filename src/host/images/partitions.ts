// Reads what is on a disk: its partitions and the file systems in them.

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../../model/failure.ts';
import { probe } from '../root/agent-devices.ts';
import type { RootShell } from '../root/root-shell.ts';

export interface Volume {
  /** From 1; 0 for a disk without a partition table, whose file system begins at its first byte. */
  readonly partition: number;
  readonly device: string;
  /** blkid's TYPE: ext4, vfat, LVM2_member, …; undefined where nothing is recognized. */
  readonly type: string | undefined;
}

/** Returns the volumes of an attached disk, in the order of their numbers. Fails as `host` when blkid fails. */
export async function readVolumes(shell: RootShell, device: string): Promise<Result<readonly Volume[]>> {
  const partitions = partitionNumbers(device);
  const numbers = partitions.length > 0 ? partitions : [0];
  const devices = numbers.map((number) => partitionDevice(device, number));
  const probed = await probe(shell, devices);
  if (!probed.ok) return probed;
  const types = parseBlkid(probed.value);
  return ok(
    numbers.map((partition, index) => {
      const node = devices[index] ?? device;
      return { partition, device: node, type: types.get(node) };
    }),
  );
}

/** `/dev/loop0p1`; the disk itself for 0. */
export function partitionDevice(device: string, partition: number): string {
  return partition === 0 ? device : `${device}p${partition}`;
}

/** The kernel's own list of a disk's partitions. */
function partitionNumbers(device: string): number[] {
  const name = path.basename(device);
  try {
    return partitionsAmong(readdirSync(path.join('/sys/block', name)), name);
  } catch {
    return []; // the device is gone; the next read from it fails
  }
}

/**
 * The numbers of a disk's partitions, from the names in its directory in /sys. The entries are not read: they may be gone
 * by then if the process behind the disk is killed.
 */
export function partitionsAmong(entries: readonly string[], disk: string): number[] {
  const numbers = entries.flatMap((entry) => {
    const number = entry.startsWith(`${disk}p`) ? entry.slice(disk.length + 1) : '';
    return /^\d+$/.test(number) ? [Number(number)] : [];
  });
  return numbers.sort((a, b) => a - b);
}

/** Parses the output of blkid(8) with `--output export`: blocks of NAME=value lines, DEVNAME first. Returns types by device. */
export function parseBlkid(text: string): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  let device = '';
  for (const line of text.split('\n')) {
    const [name, value] = [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)];
    if (name === 'DEVNAME') device = value;
    if (name === 'TYPE') types.set(device, value);
  }
  return types;
}
