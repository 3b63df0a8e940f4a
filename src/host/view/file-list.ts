// Lists a mounted system: one walk by find(1) that prints fields ended by NUL, since names may contain newlines.

import { isUtf8 } from 'node:buffer';
import type { FileType } from '../../model/disk-diff.ts';
import { ok, type Result } from '../../model/failure.ts';
import type { Entry } from '../../model/ports/viewer.ts';
import { decodeName } from '../../util/file-name.ts';
import type { Volume } from '../images/partitions.ts';
import * as agent from '../root/agent-view.ts';
import type { RunShell } from '../root/run-shell.ts';

/** The fields that `list_files` of agent.sh prints for a file, as letters of find's -printf. */
const FIELDS = ['y', 'm', 'U', 'G', 's', 'D', 'i', 'n', 'T@', 'C@', 'P', 'l'] as const;

const TYPES: Readonly<Record<string, FileType>> = {
  f: 'file',
  d: 'directory',
  l: 'link',
  b: 'block device',
  c: 'character device',
  p: 'fifo',
  s: 'socket',
};

/** File systems on which only the kernel sets an inode's change time. (On vfat, for example, it equals mtime.) */
const RELIABLE = ['ext2', 'ext3', 'ext4', 'xfs', 'btrfs'];

/**
 * Lists a mounted system and what is mounted inside it. Fails as `host` when it cannot be read.
 * @param volumes the volumes of the disk
 */
export async function listFiles(
  run: RunShell,
  root: string,
  volumes: readonly Volume[],
): Promise<Result<readonly Entry[]>> {
  const { shell } = run;
  const [files, devices] = [run.file('files'), run.file('devices')];
  for (const file of [files, devices]) {
    const made = await shell.files.write(file, '');
    if (!made.ok) return made;
  }
  const format = FIELDS.map((field) => `%${field}\\0`).join('');
  const listed = await agent.listFiles(shell, root, { files, devices, format });
  if (!listed.ok) return listed;
  const [everything, nodes] = [await shell.files.read(files), await shell.files.read(devices)];
  if (!everything.ok) return everything;
  if (!nodes.ok) return nodes;
  const suspects = volumes.flatMap(({ type, number }) =>
    type !== undefined && RELIABLE.includes(type) ? [] : [String(number)],
  );
  return ok(parseList(everything.value, parseDevices(nodes.value), new Set(suspects)));
}

/**
 * Returns the entries of a list.
 * @param devices see `parseDevices`
 * @param suspects file systems, by device number, whose change times are not reliable
 */
export function parseList(
  list: Buffer,
  devices: ReadonlyMap<string, string>,
  suspects: ReadonlySet<string>,
): Entry[] {
  const values = splitNames(list);
  const entries: Entry[] = [];
  for (let at = 0; at + FIELDS.length <= values.length; at += FIELDS.length) {
    const [type, mode, uid, gid, size, fileSystem, inode, names, modified, changed, name, target] =
      values.slice(at, at + FIELDS.length);
    const file = `/${name}`;
    const number = devices.get(file);
    entries.push({
      path: file,
      type: TYPES[type ?? ''] ?? 'unknown',
      mode: (mode ?? '').padStart(4, '0'),
      uid: Number(uid),
      gid: Number(gid),
      size: Number(size),
      ...(type === 'l' && target !== undefined ? { target } : {}),
      ...(number === undefined ? {} : { device: number }),
      fileSystem: fileSystem ?? '',
      inode: inode ?? '',
      names: Number(names),
      modified: modified ?? '',
      changed: suspects.has(fileSystem ?? '') ? undefined : changed,
    });
  }
  return entries;
}

/** Returns device numbers by path: `stat` prints them in hexadecimal, then `./name`. */
export function parseDevices(list: Buffer): ReadonlyMap<string, string> {
  const values = splitNames(list);
  const devices = new Map<string, string>();
  for (let at = 0; at + 2 <= values.length; at += 2) {
    const [numbers = '', name = ''] = [values[at], values[at + 1]];
    const decimal = numbers.split(':').map((digits) => Number.parseInt(digits, 16));
    devices.set(name.slice(1), decimal.join(':'));
  }
  return devices;
}

/** Splits texts that each end with NUL. */
export function splitNames(list: Buffer): string[] {
  // Almost always everything is UTF-8 and can be decoded at once.
  const texts = isUtf8(list)
    ? list.toString().split('\0')
    : list
        .toString('latin1')
        .split('\0')
        .map((text) => decodeName(Buffer.from(text, 'latin1')));
  return texts.slice(0, -1);
}
