// Pairs what two walks found, and tells which pairs have to be looked at more closely.

import type { Entry } from '../model/ports/viewer.ts';

export interface Pair {
  readonly before: Entry;
  readonly after: Entry;
}

export interface Paired {
  readonly added: readonly Entry[];
  readonly removed: readonly Entry[];
  /** In both, and not known to be the same. */
  readonly both: readonly Pair[];
}

/**
 * Pairs by path.
 * @param isUntouched pairs that need no look
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

/** A change made in the same moment as another could leave the same time; file systems count in seconds at worst. */
const MOMENT = 2;

/**
 * The rule for a disk made by changing files on another: what has the same inode, with the same time of its last change,
 * was not touched. No program can set that time, and whatever changes the content, the mode, the owner or an
 * attribute sets it. Only a time about as late as the latest of all on the older disk proves nothing, since the younger disk's
 * life began then.
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

/** Those of which only a reading can tell whether they are the same. */
export function withContent(pairs: readonly Pair[]): readonly Pair[] {
  return pairs.filter(
    ({ before, after }) =>
      before.type === 'file' && after.type === 'file' && before.size === after.size && after.size > 0,
  );
}
