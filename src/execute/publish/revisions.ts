// The files of one template in a repository: a disk for each revision, and beside it a manifest. What has none is of others.

import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Template } from '../../catalog/template.ts';
import { textIfAny } from '../../util/fs.ts';
import { isObject, parseObject } from '../../util/json.ts';
import type { ExportManifest } from '../export/manifest.ts';

export interface Revision {
  readonly revision: number;
  /** The name of its disk's file. */
  readonly file: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
  readonly sha512: string;
}

type Named = Pick<Template, 'name' | 'arch'>;

/** The name of a revision's disk. @param extension without a dot */
export function diskFile({ name, arch }: Named, revision: number, extension: string): string {
  return `${name}.${arch}.${revision}.${extension}`;
}

export function manifestFile({ name, arch }: Named, revision: number): string {
  return `${name}.${arch}.${revision}.json`;
}

/** The manifest of a revision: that of its export, with what is published of it. */
export function revisionText(
  template: Named,
  { revision, file, size, sha256, sha512 }: Revision,
  { machine, key, vlb, git, disks }: Pick<ExportManifest, 'machine' | 'key' | 'vlb' | 'git' | 'disks'>,
): string {
  const { name, arch } = template;
  const about = { template: name, arch, revision, machine, key, vlb, git };
  return `${JSON.stringify({ ...about, files: [{ name: file, size, sha256, sha512 }], disks }, null, 2)}\n`;
}

/** The revisions in a directory, the newest first, whose disk may be missing. Throws node's fs errors. */
export function revisionsIn(directory: string, template: Named): readonly Revision[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .flatMap((name) => {
      const number = Number(/\.([1-9]\d{0,14})\.json$/.exec(name)?.[1]);
      if (name !== manifestFile(template, number)) return [];
      const found = parseRevision(textIfAny(path.join(directory, name)) ?? '', template, number);
      return found ? [found] : [];
    })
    .sort((a, b) => b.revision - a.revision);
}

function parseRevision(text: string, template: Named, revision: number): Revision | undefined {
  const files = parseObject(text)?.['files'];
  const [first, ...others] = Array.isArray(files) ? files : [];
  if (!isObject(first) || others.length > 0) return undefined;
  const { name, size, sha256, sha512 } = first;
  if (typeof size !== 'number' || typeof sha256 !== 'string' || typeof sha512 !== 'string') return undefined;
  const isOwn = ['xz', 'raw'].some((extension) => name === diskFile(template, revision, extension));
  return typeof name === 'string' && isOwn ? { revision, file: name, size, sha256, sha512 } : undefined;
}

/** Whether the disk of a revision is there, with its size. */
export function isWhole(directory: string, { file, size }: Revision): boolean {
  const stat = lstatSync(path.join(directory, file), { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size === size;
}

/**
 * Removes all but the newest revisions. Returns the names of their disks. Throws node's fs errors.
 * @param used names of files that stay in any case
 */
export function removeOld(
  directory: string,
  template: Named,
  keep: number,
  used: ReadonlySet<string>,
): readonly string[] {
  const old = revisionsIn(directory, template)
    .slice(keep)
    .filter(({ file }) => !used.has(file));
  for (const { file, revision } of old) {
    rmSync(path.join(directory, file), { force: true });
    rmSync(path.join(directory, manifestFile(template, revision)), { force: true });
  }
  return old.map(({ file }) => file);
}
