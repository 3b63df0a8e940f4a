// Whether an export is fresh: its key is the same, and its files are those that were written. That is noted in .vlb/exports/,
// one file for each directory of an export.

import { createHash } from 'node:crypto';
import { lstatSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Images } from '../../model/ports/machine.ts';
import { attempt } from '../../util/errors.ts';
import { makeDirectories, textIfAny } from '../../util/fs.ts';
import { describeFile, filesIn, MANIFEST_FILE, namesOf, treeIn } from './manifest.ts';

export interface Target {
  /** Absolute path of the directory of the export. */
  readonly directory: string;
  /** Absolute path of its note. */
  readonly note: string;
}

/** @param state absolute path of .vlb/ */
export function targetAt(directory: string, state: string): Target {
  const name = createHash('sha256').update(directory).digest('hex').slice(0, 32);
  return { directory, note: path.join(state, 'exports', `${name}.json`) };
}

/**
 * Why an export has to be written; undefined when it is fresh. Files are not flushed: after a restart of the machine, they are
 * compared with the digests of the manifest; a directory is written again.
 * @param boot identifies this boot of the machine
 */
export async function staleness(
  target: Target,
  key: string,
  boot: string,
  images: Pick<Images, 'digest'>,
  signal: AbortSignal,
): Promise<Staleness | undefined> {
  const manifest = textIfAny(path.join(target.directory, MANIFEST_FILE));
  const files = manifest === undefined ? undefined : filesIn(manifest);
  const noted = textIfAny(target.note);
  if (files === undefined || noted === undefined) return 'not exported';
  const tree = treeIn(manifest ?? '');
  const names = namesOf({ files, ...(tree ? { tree } : {}) });
  if (noted === noteText(target, names, key, boot)) return undefined;
  if (noted === `${noteText(target, names, key, boot)}${UNFINISHED}`) return 'its command failed';
  if (attempt(() => JSON.parse(noted).key) !== key) return 'changed';
  if (attempt(() => JSON.parse(noted).boot) === boot) return 'files changed';
  if (tree) return 'files changed';
  for (const file of files) {
    const now = await describeFile(target.directory, file.name, images, signal).catch(() => undefined);
    if (now?.size !== file.size || now.sha256 !== file.sha256) return 'files changed';
  }
  noteFresh(target, names, key, boot);
  return undefined;
}

export type Staleness =
  /** Its directory has no export of vlb. */
  | 'not exported'
  /** The disks, the machine or the options are others. */
  | 'changed'
  /** The files are not as they were written. */
  | 'files changed'
  /** The files are as they should be, but the command after the export did not succeed. */
  | 'its command failed';

/** At the end of a note while the command after the export has not succeeded. */
const UNFINISHED = ' unfinished';

/** The size of the files of an export. */
export function exportedBytes({ directory }: Target): number {
  const manifest = textIfAny(path.join(directory, MANIFEST_FILE)) ?? '';
  const files = filesIn(manifest) ?? [];
  return files.reduce((sum, { size }) => sum + size, treeIn(manifest)?.bytes ?? 0);
}

/**
 * Notes that the files of an export are those of the key. Throws node's fs errors.
 * @param isFinished false while the command after the export has not succeeded
 */
export function noteFresh(
  target: Target,
  names: readonly string[],
  key: string,
  boot: string,
  isFinished = true,
): void {
  makeDirectories(path.dirname(target.note));
  const text = noteText(target, names, key, boot) ?? '';
  writeFileSync(target.note, isFinished ? text : `${text}${UNFINISHED}`);
}

/** Notes that the command after the export succeeded. Throws node's fs errors. */
export function noteFinished(target: Target): void {
  const text = textIfAny(target.note) ?? '';
  if (text.endsWith(UNFINISHED)) writeFileSync(target.note, text.slice(0, -UNFINISHED.length));
}

/** What identifies the files; undefined when one is missing or no regular file. */
function noteText(
  { directory }: Target,
  names: readonly string[],
  key: string,
  boot: string,
): string | undefined {
  const files: Record<string, string> = {};
  for (const name of names.toSorted()) {
    const stat = lstatSync(path.join(directory, name), { bigint: true, throwIfNoEntry: false });
    if (!stat || !(name.endsWith('/') ? stat.isDirectory() : stat.isFile())) return undefined;
    files[name] = `${stat.size} ${stat.mtimeNs} ${stat.ino}`;
  }
  return JSON.stringify({ key, boot, files });
}
