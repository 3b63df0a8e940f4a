// As root in another user's directory, under sudo for instance: that user gets what vlb leaves there. Only names that vlb
// itself gives its files: whatever else is root's there is not touched.

import { execFileSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import path from 'node:path';
import { projectPaths } from '../project/project.ts';
import { namesIn, statIfAny } from '../util/fs.ts';
import type { GlobalOptions } from './options.ts';

/** What is in `.vlb/`, apart from the store and from runs: those belong to processes that may still use them. */
const STATE = ['logs', 'failed', 'in-place', 'stat-index', 'flattened.json', 'lock', 'serve', 'version'];

/** What is in a store (src/store/names.ts), apart from `caches`: what layers put there is root's on any machine. */
const STORE = ['sha256', 'keys', 'locks', 'leases', 'projects', 'damaged', 'points', 'version'];

/**
 * Gives back state, outputs and store when this process exits, whatever its status. Does nothing for users other than root,
 * nor in root's directories: a store of root's stays root's.
 */
export function giveBackAtExit({ directory, cacheDirectory, stateDirectory }: GlobalOptions): void {
  if (process.getuid?.() !== 0) return;
  const { build, state, store } = projectPaths(directory, cacheDirectory, stateDirectory);
  const [owner, storeOwner] = [ownerOf(stateDirectory ?? directory), ownerOf(store)];
  if (owner === undefined && storeOwner === undefined) return;
  process.once('exit', () => {
    giveBack(owner, build, [], namesIn(build));
    giveBack(owner, state, STATE, ['runs']);
    giveBack(storeOwner, store, STORE, []);
  });
}

/** Gives what a command has just created in a directory to an owner, if root created it. */
export function giveCreated(owner: string | undefined, directory: string, names: readonly string[]): void {
  const above = names.map((name) => path.dirname(name));
  if (process.getuid?.() === 0) giveBack(owner, directory, names, above);
}

/** The owner of a directory, or of the one in which it will be created, as chown(1) takes it. Undefined for root. */
export function ownerOf(directory: string): string | undefined {
  const stat = statIfAny(directory);
  if (!stat) return ownerOf(path.dirname(directory));
  return stat.uid === 0 ? undefined : `${stat.uid}:${stat.gid}`;
}

/** Gives a directory, and in it trees and single files, as far as they belong to root. Follows no link. */
function giveBack(
  owner: string | undefined,
  directory: string,
  trees: readonly string[],
  files: readonly string[],
): void {
  if (owner === undefined || !lstatSync(directory, { throwIfNoEntry: false })?.isDirectory()) return;
  const inside = (names: readonly string[]) =>
    names
      .map((name) => path.join(directory, name))
      .filter((file) => lstatSync(file, { throwIfNoEntry: false }));
  for (const [options, paths] of [
    [[], [directory, ...inside(files)]],
    [['-R', '-P'], inside(trees)],
  ] as const) {
    if (paths.length === 0) continue;
    try {
      execFileSync('chown', [...options, '-h', '--from=0', owner, '--', ...paths], { stdio: 'ignore' });
    } catch {} // a file that went in the meantime
  }
}
