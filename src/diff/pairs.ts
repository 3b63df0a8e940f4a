// Pairs the entries of two disks, and selects the pairs that have to be read.

import type { Entry } from '../model/ports/viewer.ts';

export interface Pair {
  readonly before: Entry;
  readonly after: Entry;
}

export interface Paired {
  readonly added: readonly Entry[];
  readonly removed: readonly Entry[];
  /** In both, and not known to be identical. */
  readonly both: readonly Pair[];
}

/**
 * Pairs by path.
 * @param isUntouched whether a pair is known to be identical
 */
export function pairUp(
  before: readonly Entry[],
  after: readonly Entry[],
  isUntouched: (pair: Pair) => boolean,
): Paired {
  const old = new Map(before.map((entry) => [entry.path, entry]));
  const added: Entry[] = [];
  const both: Pair[] = [];
  for (const entry of after) {
    const was = old.get(entry.path);
    if (!was) added.push(entry);
    else if (!isUntouched({ before: was, after: entry })) both.push({ before: was, after: entry });
    old.delete(entry.path);
  }
  return { added, removed: [...old.values()], both };
}

/** Changes within this time could have the same timestamp, s: some file systems store whole seconds only. */
const MOMENT = 2;

/**
 * The rule for a disk made by changing files on another: an entry with the same inode and ctime was not touched. No
 * program can set the ctime, and every change of content, mode, owner or attributes updates it. Only a ctime close to
 * the latest one on the older disk proves nothing, since the newer disk was made then.
 */
export function untouchedSince(before: readonly Entry[]): (pair: Pair) => boolean {
  let latest = 0;
  for (const { changed } of before) latest = Math.max(latest, Number(changed ?? 0));
  return ({ before: was, after: is }) =>
    was.changed !== undefined &&
    was.inode === is.inode &&
    was.changed === is.changed &&
    was.modified === is.modified &&
    was.size === is.size &&
    was.type === is.type &&
    Number(was.changed) < latest - MOMENT;
}

/** The pairs whose contents have to be read to compare them. */
export function withContent(pairs: readonly Pair[]): readonly Pair[] {
  return pairs.filter(
    ({ before, after }) =>
      before.type === 'file' && after.type === 'file' && before.size === after.size && after.size > 0,
  );
}
