// Stats of files that are older than any that a test can make, and an index that knows some.

import { lstatSync, type Stats } from 'node:fs';
import { createFileHasher } from '../../../../src/project/inputs/hash.ts';
import { isSameStat, StatIndex } from '../../../../src/project/inputs/stat-index.ts';
import type { Tree } from '../../../rig/tree.ts';

export const SECOND = 1000;
export const hasher = await createFileHasher();

/** The stat of a file that was last touched an hour ago; files that old cannot be made, their ctime is the kernel's. */
export function statOf(changes: Partial<Stats> = {}): Stats {
  const hourAgo = Date.now() - 3600 * SECOND;
  const stat = lstatSync(import.meta.filename);
  return Object.assign(stat, { size: 3, mtimeMs: hourAgo, ctimeMs: hourAgo, ino: 42 }, changes);
}

/** An index in which a section has these paths, all with one stat, written to a tree. */
export function saved(tree: Tree, stat: Stats, paths: readonly string[] = ['a'], name = '10_a'): string {
  const file = tree.path('state/stat-index');
  const index = load(file);
  const { now } = index;
  index.remember(
    name,
    'origin',
    paths.map((path) => ({ path, stat })),
    TEXT,
    now,
  );
  index.save(false);
  return file;
}

export const TEXT = 'file - 0123456789abcdef "ä"\n';

export function load(file: string): StatIndex {
  return StatIndex.load(file);
}

/** Whether an index vouches for a file of its first section. */
export function vouches(file: string, stat: Stats, name = '10_a'): boolean {
  const remembered = load(file).recall(name, 'origin');
  return remembered !== undefined && isSameStat(remembered.stats, 0, stat);
}
