// Turns pairs of files and their details into differences.

import type { Alteration, FileDifference, FileState } from '../model/disk-diff.ts';
import type { Attributes, Entry } from '../model/ports/viewer.ts';
import type { Pair, Paired } from './pairs.ts';

/** The details of files on one disk, by path. */
export interface Details {
  readonly contents: ReadonlyMap<string, string>;
  readonly attributes: ReadonlyMap<string, Attributes>;
}

/**
 * The differences, largest first.
 * @param before all entries of the older disk, and `after` of the newer one: they show which names are one file
 * @param details of `paired.both`; contents are compared only for files of the same size
 */
export function fileDifferences(
  paired: Paired,
  before: readonly Entry[],
  after: readonly Entry[],
  details: { readonly before: Details; readonly after: Details },
): FileDifference[] {
  const [oldNames, newNames] = [firstNames(before), firstNames(after)];
  const found: FileDifference[] = [
    ...paired.added.map((entry) => ({
      ...weigh(entry, newNames),
      change: 'added' as const,
      after: stateOf(entry, details.after),
      what: [],
    })),
    ...paired.removed.map((entry) => ({
      ...weigh(entry, oldNames),
      change: 'removed' as const,
      before: stateOf(entry, details.before),
      what: [],
    })),
  ];
  for (const pair of paired.both) {
    const what = alterations(pair, details);
    if (what.length === 0) continue;
    const rewritten = what.some(({ aspect }) => aspect === 'content' || aspect === 'type');
    found.push({
      ...(rewritten ? weigh(pair.after, newNames) : { path: pair.after.path, bytes: 0 }),
      change: 'changed',
      before: stateOf(pair.before),
      after: stateOf(pair.after),
      what,
    });
  }
  return found.sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1));
}

/** What differs in a pair; times are not compared. */
function alterations(
  { before, after }: Pair,
  details: { readonly before: Details; readonly after: Details },
): Alteration[] {
  const { path } = after;
  const [had, has] = [details.before.attributes.get(path) ?? {}, details.after.attributes.get(path) ?? {}];
  const sameContent = details.before.contents.get(path) === details.after.contents.get(path);
  const aspects: [Alteration['aspect'], string | undefined, string | undefined][] = [
    ['type', before.type, after.type],
    ['mode', before.mode, after.mode],
    ['owner', `${before.uid}:${before.gid}`, `${after.uid}:${after.gid}`],
  ];
  if (before.type === after.type) {
    aspects.push(
      ['link target', before.target, after.target],
      ['device number', before.device, after.device],
    );
  }
  const found: Alteration[] = [];
  if (before.type === 'file' && after.type === 'file' && (before.size !== after.size || !sameContent)) {
    found.push({ aspect: 'content' });
  }
  for (const [aspect, was, is] of aspects) if (was !== is) found.push({ aspect, ...values(was, is) });
  for (const name of [...new Set([...Object.keys(had), ...Object.keys(has)])].sort()) {
    if (had[name] !== has[name]) found.push({ aspect: 'attribute', name, ...values(had[name], has[name]) });
  }
  return found;
}

function values(before: string | undefined, after: string | undefined): Pick<Alteration, 'before' | 'after'> {
  return { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

/** The size of a file with several names counts for the first name only. */
function weigh(
  entry: Entry,
  names: ReadonlyMap<string, string>,
): Pick<FileDifference, 'path' | 'bytes' | 'linkOf'> {
  const first = names.get(identityOf(entry)) ?? entry.path;
  if (first !== entry.path) return { path: entry.path, bytes: 0, linkOf: first };
  return { path: entry.path, bytes: entry.type === 'file' ? entry.size : 0 };
}

/** The first name of each file with several names. */
function firstNames(entries: readonly Entry[]): ReadonlyMap<string, string> {
  const first = new Map<string, string>();
  for (const entry of entries) {
    if (entry.type !== 'file' || entry.names < 2) continue;
    const known = first.get(identityOf(entry));
    if (known === undefined || entry.path < known) first.set(identityOf(entry), entry.path);
  }
  return first;
}

function identityOf({ fileSystem, inode }: Entry): string {
  return `${fileSystem}:${inode}`;
}

/** @param details of the disk where only that one has the file: for one that both have, `what` names the attributes that differ */
function stateOf({ path, type, mode, uid, gid, size, target, device }: Entry, details?: Details): FileState {
  const attributes = details?.attributes.get(path);
  return {
    type,
    mode,
    uid,
    gid,
    size,
    ...(target === undefined ? {} : { target }),
    ...(device === undefined ? {} : { device }),
    ...(attributes && Object.keys(attributes).length > 0 ? { attributes } : {}),
  };
}
