// manifest.json: what an export consists of and was made from. It is written beside the files: vlb replaces only what it names.

import { lstatSync } from 'node:fs';
import path from 'node:path';
import type { ExportedTree } from '../../model/ports/exporter.ts';
import type { Images } from '../../model/ports/machine.ts';
import { isObject, parseObject } from '../../util/json.ts';

export const MANIFEST_FILE = 'manifest.json';

export interface ExportManifest {
  readonly machine: string;
  readonly format: string;
  readonly key: string;
  /** The version of vlb that wrote it. */
  readonly vlb: string;
  /** The commit of the project; null outside a git repository. */
  readonly git: GitState | null;
  readonly files: readonly ExportedFile[];
  /** A directory whose files are not listed. */
  readonly tree?: ExportedTree;
  readonly disks: readonly ExportedDisk[];
}

export interface GitState {
  readonly commit: string;
  /** Whether files of the project differ from the commit. */
  readonly dirty: boolean;
}

export interface ExportedFile {
  /** Relative to the directory of the export. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

export interface ExportedDisk {
  readonly name: string;
  /** Virtual size, bytes. */
  readonly size: number;
  /** What it was made from, the lowest first; empty for an empty disk. */
  readonly layers: readonly { readonly layer: string; readonly key: string; readonly digest: string }[];
}

export function manifestText(manifest: ExportManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** A manifest that vlb wrote; undefined when the text is not one. */
export function parseManifest(text: string): ExportManifest | undefined {
  const { machine, format, key, vlb, git, disks } = parseObject(text) ?? {};
  const files = filesIn(text);
  const texts = [machine, format, key, vlb].filter((value) => typeof value === 'string');
  const [ofMachine, ofFormat, ofKey, ofVlb] = texts;
  if (ofMachine === undefined || ofFormat === undefined || ofKey === undefined || ofVlb === undefined) {
    return undefined;
  }
  if (!files || !Array.isArray(disks) || !disks.every(isDisk)) return undefined;
  const state = isGitState(git) ? git : null;
  return { machine: ofMachine, format: ofFormat, key: ofKey, vlb: ofVlb, git: state, files, disks };
}

function isGitState(value: unknown): value is GitState {
  return isObject(value) && typeof value['commit'] === 'string' && typeof value['dirty'] === 'boolean';
}

function isDisk(value: unknown): value is ExportedDisk {
  return (
    isObject(value) &&
    typeof value['name'] === 'string' &&
    typeof value['size'] === 'number' &&
    Array.isArray(value['layers']) &&
    value['layers'].every(
      (layer) =>
        isObject(layer) && ['layer', 'key', 'digest'].every((name) => typeof layer[name] === 'string'),
    )
  );
}

/** The directory of a manifest whose files are not listed. */
export function treeIn(text: string): ExportedTree | undefined {
  const tree = parseObject(text)?.['tree'];
  if (!isObject(tree)) return undefined;
  const { name, bytes } = tree;
  const isTree = typeof name === 'string' && typeof bytes === 'number';
  return isTree && isInside(name) && !name.includes('/') ? { name, bytes } : undefined;
}

/** The names of all that an export consists of, its manifest first; that of a directory ends in a slash. */
export function namesOf({ files, tree }: Pick<ExportManifest, 'files' | 'tree'>): readonly string[] {
  return [MANIFEST_FILE, ...files.map(({ name }) => name), ...(tree ? [`${tree.name}/`] : [])];
}

/** The files that a manifest names; undefined when the text is not a manifest of vlb. */
export function filesIn(text: string): readonly ExportedFile[] | undefined {
  const files = parseObject(text)?.['files'];
  if (!Array.isArray(files)) return undefined;
  const parsed = files.flatMap((file: unknown) => {
    if (!isObject(file)) return [];
    const { name, size, sha256 } = file;
    const isFile = typeof name === 'string' && typeof size === 'number' && typeof sha256 === 'string';
    return isFile && isInside(name) ? [{ name, size, sha256 }] : [];
  });
  return parsed.length === files.length ? parsed : undefined;
}

/** Whether a name cannot lead out of the directory, nor mean all of it. */
function isInside(name: string): boolean {
  return !path.isAbsolute(name) && name.split('/').every((part) => !['', '.', '..'].includes(part));
}

/** A file of an export with its digest. Throws as `Images.digest` does. */
export async function describeFile(
  directory: string,
  name: string,
  images: Pick<Images, 'digest'>,
  signal: AbortSignal,
): Promise<ExportedFile> {
  const file = path.join(directory, name);
  return { name, size: lstatSync(file).size, sha256: await images.digest(file, signal) };
}
