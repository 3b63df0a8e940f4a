// What one layer changed in the system of the layer below it: the files that it wrote, and what it removed.

import { visit } from '../../diff/compare.ts';
import { type Pair, type Paired, pairUp, untouchedSince, withContent } from '../../diff/pairs.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { ExportLayer } from '../../model/ports/exporter.ts';
import type { MountOptions } from '../../model/ports/machine.ts';
import type { Attributes, DiskViewer, Entry, OpenDisk } from '../../model/ports/viewer.ts';

/** A layer with all files of its system. */
export interface Listed {
  readonly layer: ExportLayer;
  readonly entries: readonly Entry[];
}

export interface LayerChanges {
  /** Paths; undefined for all files: there is no layer below. */
  readonly written: readonly string[] | undefined;
  /** Paths of files and directories of the layer below. What was in a removed directory is not listed. */
  readonly removed: readonly string[];
}

/** What stands for a removed file in a container image begins with this. */
export const WHITEOUT = '.wh.';

/** Compares a layer with the one below it. Fails as `usage` when the name of a file means something else in a container image. */
export async function changesOf(
  viewer: DiskViewer,
  mount: MountOptions,
  below: Listed | undefined,
  layer: ExportLayer,
): Promise<Result<Listed & LayerChanges>> {
  const seen = await visit(viewer, layer.image, mount, async (disk): Promise<Result<Seen>> => {
    const entries = await disk.list();
    if (!entries.ok) return entries;
    if (!below) return ok({ entries: entries.value, paired: undefined, details: NOTHING });
    const isUntouched = layer.isDescendant ? untouchedSince(below.entries) : () => false;
    const paired = pairUp(below.entries, entries.value, isUntouched);
    const details = await inspect(disk, unclear(paired), viewer);
    return details.ok ? ok({ entries: entries.value, paired, details: details.value }) : details;
  });
  if (!seen.ok) return seen;
  const { entries, paired, details } = seen.value;
  const reserved = entries.find(({ path }) => path.slice(path.lastIndexOf('/') + 1).startsWith(WHITEOUT));
  if (reserved) {
    return fail('usage', `a container image cannot contain ${reserved.path}`, {
      where: { file: layer.name },
      hint: `names that begin with ${WHITEOUT} stand for removed files there: remove it in a layer`,
    });
  }
  if (!below || !paired) return ok({ layer, entries, written: undefined, removed: [] });
  const pairs = unclear(paired);
  const before =
    pairs.length === 0
      ? ok(NOTHING)
      : await visit(viewer, below.layer.image, mount, (disk) => inspect(disk, pairs, viewer));
  if (!before.ok) return before;
  const differing = paired.both.filter(
    (pair) => differs(pair) || !sameDetails(pair.after.path, before.value, details),
  );
  const written = [...paired.added, ...differing.map(({ after }) => after)];
  return ok({ layer, entries, written: withLinks(written, entries), removed: topmost(paired, entries) });
}

interface Seen {
  readonly entries: readonly Entry[];
  /** Undefined without a layer below. */
  readonly paired: Paired | undefined;
  readonly details: Details;
}

/** The pairs that look the same, but are not known to be. */
function unclear({ both }: Paired): readonly Pair[] {
  return both.filter((pair) => !differs(pair));
}

function differs({ before, after }: Pair): boolean {
  const fields = ['type', 'mode', 'uid', 'gid', 'modified', 'target', 'device'] as const;
  if (fields.some((field) => before[field] !== after[field])) return true;
  return after.type === 'file' && (before.size !== after.size || before.names !== after.names);
}

interface Details {
  readonly contents: ReadonlyMap<string, string>;
  readonly attributes: ReadonlyMap<string, Attributes>;
}

const NOTHING: Details = { contents: new Map(), attributes: new Map() };

async function inspect(
  disk: OpenDisk,
  pairs: readonly Pair[],
  { readsAttributes }: DiskViewer,
): Promise<Result<Details>> {
  const contents = await disk.contents(withContent(pairs).map(({ after }) => after.path));
  if (!contents.ok) return contents;
  if (pairs.length > 0 && !readsAttributes) {
    return fail('host', 'getfattr is not installed', { hint: 'apt-get install attr' });
  }
  const attributes = await disk.attributes(pairs.map(({ after }) => after.path));
  return attributes.ok ? ok({ contents: contents.value, attributes: attributes.value }) : attributes;
}

function sameDetails(path: string, before: Details, after: Details): boolean {
  return (
    before.contents.get(path) === after.contents.get(path) &&
    attributesText(before.attributes.get(path)) === attributesText(after.attributes.get(path))
  );
}

function attributesText(attributes: Attributes = {}): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The paths of files, and of their other names: those are links to the same file only if they are archived together. */
function withLinks(written: readonly Entry[], entries: readonly Entry[]): readonly string[] {
  const paths = new Set(written.map(({ path }) => path));
  const idOf = ({ fileSystem, inode }: Entry) => `${fileSystem} ${inode}`;
  const linked = new Set(written.filter(({ names, type }) => names > 1 && type !== 'directory').map(idOf));
  if (linked.size === 0) return [...paths];
  for (const entry of entries) {
    if (entry.names > 1 && entry.type !== 'directory' && linked.has(idOf(entry))) paths.add(entry.path);
  }
  return [...paths];
}

/** The removed files whose directory is still one. */
function topmost({ removed }: Paired, entries: readonly Entry[]): readonly string[] {
  const directories = new Set(entries.flatMap(({ path, type }) => (type === 'directory' ? [path] : [])));
  const parentOf = (path: string) => path.slice(0, path.lastIndexOf('/')) || '/';
  return removed.map(({ path }) => path).filter((path) => directories.has(parentOf(path)));
}
