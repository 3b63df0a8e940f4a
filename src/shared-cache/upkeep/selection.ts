// What goes from a bucket that is over its limits: pure, so that it can be tested by the table.

import type { Digest, Key } from '../../model/artifact.ts';
import { type Candidate, selectForEviction, wholeOnes, withNeeds } from '../../model/eviction.ts';
import type { CacheLimits } from '../../model/ports/store-upkeep.ts';
import { artifactName, TRUSTED } from '../bucket/layout.ts';

/**
 * How long something is left alone that seems to be of no use, ms: an artifact lies there before its record, and a list
 * that takes long shows a record whose artifact came too late to be in it.
 */
export const GRACE = 86_400_000;

/** An artifact's object. */
export interface SharedArtifact {
  readonly name: string;
  readonly scope: string;
  readonly digest: Digest;
  readonly bytes: number;
  /** When it was written, ms by the server's clock. */
  readonly modified: number;
}

/** A record's object. */
export interface SharedRecord {
  readonly name: string;
  readonly scope: string;
  readonly key: Key;
  readonly bytes: number;
  readonly modified: number;
  /** What it says, as far as the keeping asks; undefined when it is no record. */
  readonly content: RecordContent | undefined;
}

export interface RecordContent {
  readonly layer: string;
  readonly created: string;
  readonly digest: Digest;
  /** What the artifact cannot be opened without. */
  readonly parent: Digest | undefined;
  /** The layers that its build looked into. */
  readonly mounts: readonly Digest[];
}

export interface SharedInventory {
  /** By their names. */
  readonly artifacts: ReadonlyMap<string, SharedArtifact>;
  readonly records: readonly SharedRecord[];
}

export interface SharedSelection {
  /** In an order in which nothing goes before what stands on it. */
  readonly artifacts: readonly SharedArtifact[];
  /** Those that name these artifacts, in their order. */
  readonly records: readonly SharedRecord[];
  /** Those that are of no use by themselves. */
  readonly lost: readonly SharedRecord[];
}

/** @param now ms */
export function selectShared(inventory: SharedInventory, limits: CacheLimits, now: number): SharedSelection {
  const { artifacts } = inventory;
  const isYoung = ({ modified }: { readonly modified: number }) => now - modified < GRACE;
  const records = recordsOf(inventory);
  const candidates = new Map(
    [...artifacts].map(([name, artifact]) => [
      name,
      candidateOf(artifact, records.get(name) ?? [], inventory),
    ]),
  );
  const whole = wholeOnes(candidates);
  const waiting = [...artifacts.values()].filter((artifact) => {
    const own = records.get(artifact.name) ?? [];
    const isOfUse = own.length > 0 && whole.has(artifact.name);
    return !isOfUse && [artifact, ...own].some(isYoung);
  });
  const spared = withNeeds(
    waiting.map(({ name }) => name),
    candidates,
  );
  // Anybody may have written the untrusted ones, so many of them must not drive out the others.
  const trusted = [...artifacts.values()].filter(({ scope }) => scope === TRUSTED).map(({ name }) => name);
  const first = selectForEviction(candidates, new Set([...spared, ...trusted]), limits, 0, now);
  for (const name of first) candidates.delete(name);
  const victims = [...first, ...selectForEviction(candidates, spared, limits, 0, now)];
  return {
    artifacts: victims.flatMap((name) => artifacts.get(name) ?? []),
    records: victims.flatMap((name) => records.get(name) ?? []),
    lost: inventory.records.filter((record) => {
      const name = record.content && artifactName(record.scope, record.content.digest);
      return (name === undefined || !artifacts.has(name)) && !isYoung(record);
    }),
  };
}

/** The names of all that records need to stay: their artifacts, and what those stand on or were made with. */
export function neededBy(records: readonly SharedRecord[], inventory: SharedInventory): ReadonlySet<string> {
  const ofArtifact = recordsOf(inventory);
  const all = new Map(
    [...inventory.artifacts].map(([name, artifact]) => [
      name,
      candidateOf(artifact, ofArtifact.get(name) ?? [], inventory),
    ]),
  );
  const names = records.flatMap(({ scope, content }) =>
    content ? [artifactName(scope, content.digest), ...needsOf(content, scope, inventory)] : [],
  );
  return withNeeds(names, all);
}

/** The records that name an artifact, by its name. */
export function recordsOf({ records }: SharedInventory): ReadonlyMap<string, readonly SharedRecord[]> {
  const all = new Map<string, SharedRecord[]>();
  for (const record of records) {
    if (!record.content) continue;
    const name = artifactName(record.scope, record.content.digest);
    const own = all.get(name);
    if (own) own.push(record);
    else all.set(name, [record]);
  }
  return all;
}

function candidateOf(
  { name, scope, bytes }: SharedArtifact,
  records: readonly SharedRecord[],
  inventory: SharedInventory,
): Candidate {
  const contents = records.flatMap(({ content }) => content ?? []);
  // There may be more records than a call takes arguments: anybody writes untrusted ones.
  const lastUsed = records
    .map(({ modified }) => modified)
    .reduce<number | undefined>((latest, one) => Math.max(latest ?? one, one), undefined);
  // All records of an artifact name the same parent: it stands in its bytes.
  const parent = contents.find((content) => content.parent !== undefined)?.parent;
  const backing = parent && placesOf(parent, scope, inventory)[0];
  const needs = new Set(contents.flatMap((content) => needsOf(content, scope, inventory)));
  return { name, bytes, lastUsed, backing, needs: [...needs] };
}

function needsOf({ parent, mounts }: RecordContent, scope: string, inventory: SharedInventory): string[] {
  return [...(parent === undefined ? [] : [parent]), ...mounts].flatMap((digest) =>
    placesOf(digest, scope, inventory),
  );
}

/** Where a build of a scope finds an artifact, as it is looked for: in the trusted scope before its own. */
function placesOf(digest: Digest, scope: string, { artifacts }: SharedInventory): string[] {
  const names = [...new Set([TRUSTED, scope])].map((one) => artifactName(one, digest));
  const there = names.filter((name) => artifacts.has(name));
  return there.length > 0 ? there : names.slice(-1);
}
