// Puts a finished export in the place of an earlier one: all of it or nothing. Files that vlb did not write stay where they are.

import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { makeDirectories, namesIn, textIfAny } from '../../util/fs.ts';
import { filesIn, MANIFEST_FILE, treeIn } from './manifest.ts';
import { SHARED_PREFIX } from './shared-disks.ts';

/** The directories of one export in progress, beside its target: one renames them there. */
export interface Workplace {
  /** Of the new export. */
  readonly fresh: string;
  /** For files that are not exported. */
  readonly scratch: string;
  /** Of the earlier export while it is replaced. */
  readonly old: string;
}

const KINDS = ['fresh', 'scratch', 'old'] as const;

/** @param owner of the export in progress: one that no longer runs is cleared away */
export function workplaceAt(target: string, owner: string): Workplace {
  const beside = (kind: (typeof KINDS)[number]) =>
    path.join(path.dirname(target), `.${path.basename(target)}-${kind}-${owner}`);
  return { fresh: beside('fresh'), scratch: beside('scratch'), old: beside('old') };
}

/** Removes a directory, whose files may belong to root: `Host.removeTree`. */
type Remove = (directory: string) => Promise<Result<void>>;

/** Creates the directories, after what killed exports left was completed or removed. Throws node's fs errors. */
export async function openWorkplace(
  target: string,
  owner: string,
  isAlive: (owner: string) => boolean,
  remove: Remove,
): Promise<Workplace> {
  const parent = path.dirname(target);
  makeDirectories(parent);
  for (const name of namesIn(parent)) {
    if (name.startsWith(SHARED_PREFIX) && !isAlive(name.slice(SHARED_PREFIX.length))) {
      rmSync(path.join(parent, name), { recursive: true, force: true });
    }
    const prefix = `.${path.basename(target)}-`;
    const [, kind, of = ''] = new RegExp(`^(${KINDS.join('|')})-(.+)$`).exec(name.slice(prefix.length)) ?? [];
    if (!name.startsWith(prefix) || kind === undefined || (of !== owner && isAlive(of))) continue;
    if (kind === 'old') await finishReplacing(path.join(parent, name), target, remove);
    else await remove(path.join(parent, name));
  }
  const place = workplaceAt(target, owner);
  mkdirSync(place.fresh);
  mkdirSync(place.scratch);
  return place;
}

export async function closeWorkplace({ fresh, scratch }: Workplace, remove: Remove): Promise<void> {
  for (const directory of [fresh, scratch]) await remove(directory);
}

/**
 * Whether an export may be written to a directory. Fails as `usage` when that is something else, or has files of others with the
 * names of the export's.
 */
export function checkTarget(target: string, names: readonly string[]): Result<void> {
  const stat = lstatSync(target, { throwIfNoEntry: false });
  if (!stat) return ok();
  if (!stat.isDirectory()) {
    return fail('usage', 'an export needs a directory, and this is something else', {
      where: { file: target },
    });
  }
  const own = ownFiles(target);
  const foreign = names
    .map((name) => name.replace(/\/$/, ''))
    .flatMap((name) => [...directoriesOf(name).filter((above) => isFile(path.join(target, above))), name])
    .find((name) => !own.has(name) && existsSync(path.join(target, name)));
  if (foreign === undefined) return ok();
  return fail('usage', 'the export would replace a file that vlb did not write', {
    where: { file: path.join(target, foreign) },
    hint: 'move it away, or write elsewhere: --output DIR',
  });
}

/** Puts the new export in place. Killed at any moment, the next export completes it. Throws node's fs errors. */
export async function replaceExport(
  { fresh, old }: Workplace,
  target: string,
  remove: Remove,
): Promise<void> {
  if (existsSync(target)) renameSync(target, old);
  renameSync(fresh, target);
  if (existsSync(old)) await finishReplacing(old, target, remove);
}

/** Completes the replacement of an earlier export, which has been moved to `old`, or undoes it. */
async function finishReplacing(old: string, target: string, remove: Remove): Promise<void> {
  if (!existsSync(target)) {
    renameSync(old, target);
    return;
  }
  keepForeign(old, target, ownFiles(old), '');
  await remove(old);
}

/** Moves what vlb did not write from an earlier export to the new one. @param below relative, '' or ending in a slash */
function keepForeign(old: string, target: string, own: ReadonlySet<string>, below: string): void {
  for (const entry of readdirSync(path.join(old, below))) {
    const name = `${below}${entry}`;
    if (own.has(name)) continue;
    if (own.has(`${name}/`) && lstatSync(path.join(old, name)).isDirectory()) {
      keepForeign(old, target, own, `${name}/`);
      continue;
    }
    if (existsSync(path.join(target, name))) continue;
    mkdirSync(path.join(target, below), { recursive: true });
    renameSync(path.join(old, name), path.join(target, name));
  }
}

/** What vlb wrote in the directory of an export: files, and directories with a slash at the end. */
function ownFiles(directory: string): ReadonlySet<string> {
  const manifest = textIfAny(path.join(directory, MANIFEST_FILE)) ?? '';
  const files = filesIn(manifest);
  if (files === undefined) return new Set();
  const tree = treeIn(manifest);
  const directories = files.flatMap(({ name }) => directoriesOf(name).map((above) => `${above}/`));
  return new Set([
    MANIFEST_FILE,
    ...files.map(({ name }) => name),
    ...directories,
    ...(tree ? [tree.name] : []),
  ]);
}

/** The directories that a relative path leads through. */
function directoriesOf(name: string): readonly string[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function isFile(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isDirectory() === false;
}
