// Stats of files that are older than any that a test can make, and an index that knows some.

import assert from 'node:assert/strict';
import { type BigIntStats, lstatSync } from 'node:fs';
import { StatIndex } from '../../../src/project/stat-index.ts';
import type { Tree } from '../../rig/tree.ts';

export const SECOND = 1_000_000_000n;
export const now = () => BigInt(Date.now()) * 1_000_000n;

/** The stat of a file that was last touched an hour ago; files that old cannot be made, their ctime is the kernel's. */
export function statOf(changes: Partial<BigIntStats> = {}): BigIntStats {
  const hourAgo = now() - 3600n * SECOND;
  const stat = lstatSync(import.meta.filename, { bigint: true });
  return Object.assign(stat, { size: 3n, mtimeNs: hourAgo, ctimeNs: hourAgo, ino: 42n }, changes);
}

export function never(): string {
  assert.fail('the file was read again');
}

export const HASH = '0123456789abcdef';
export const OTHER = 'fedcba9876543210';

/** An index with `names` in it, written to a tree. */
export function saved(tree: Tree, stat: BigIntStats, names: readonly string[] = ['a']): string {
  const file = tree.path('state/stat-index');
  const index = StatIndex.load(file);
  for (const name of names)
    assert.equal(
      index.hash(name, stat, () => HASH),
      HASH,
    );
  index.save(true);
  return file;
}
