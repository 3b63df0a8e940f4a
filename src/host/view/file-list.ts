// Everything in a mounted system: one walk by find(1), whose output is fields that end with NUL, since names may hold newlines.

import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { FileType } from '../../model/disk-diff.ts';
import { ok, type Result } from '../../model/failure.ts';
import type { Entry } from '../../model/ports/viewer.ts';
import { decodeName } from '../../util/file-name.ts';
import type { Volume } from '../images/partitions.ts';
import type { RootShell } from '../root/root-shell.ts';

/** The fields that `list_files` of sh/agent.sh prints for a file, in find's letters. */
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

/** On these an inode's time of change is the kernel's alone. (On vfat, for one, it is whatever a program sets as mtime.) */
const HONEST = ['ext2', 'ext3', 'ext4', 'xfs', 'btrfs'];

/**
 * Lists a mounted system, what is mounted inside it too.
 * @param volumes those of the disk
 * @param directory takes the lists
 */
export async function listFiles(
  shell: RootShell,
  root: string,
  volumes: readonly Volume[],
  directory: string,
): Promise<Result<readonly Entry[]>> {
  const [files, devices] = [path.join(directory, 'files'), path.join(directory, 'devices')];
  for (const file of [files, devices]) writeFileSync(file, '');
  const format = FIELDS.map((field) => `%${field}\\0`).join('');
  const listed = await shell.run(['list_files', root, files, devices, format]);
  if (!listed.ok) return listed;
  const suspects = volumes.flatMap(({ type, device }) =>
    type !== undefined && HONEST.includes(type) ? [] : [String(statSync(device).rdev)],
  );
  return ok(parseList(readFileSync(files), parseDevices(readFileSync(devices)), new Set(suspects)));
}

/**
 * The entries in a list.
 * @param devices see `parseDevices`
 * @param suspects file systems, by number, whose times of change prove nothing
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

/** Device numbers by path: `stat` prints them in hexadecimal, then `./name`. */
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

/** Texts that end with NUL each. */
export function splitNames(list: Buffer): string[] {
  // Almost always all of it is UTF-8, and one piece of work.
  const texts = isUtf8(list)
    ? list.toString().split('\0')
    : list
        .toString('latin1')
        .split('\0')
        .map((text) => decodeName(Buffer.from(text, 'latin1')));
  return texts.slice(0, -1);
}
