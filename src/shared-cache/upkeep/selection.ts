// Selects what to remove from a bucket over its limits: pure. Adds scopes and a grace period to model/eviction.ts.

import type { Digest, Key } from '../../model/artifact.ts';
import { type Candidate, selectForEviction, wholeOnes, withNeeds } from '../../model/eviction.ts';
import type { ListedObject } from '../../model/ports/object-store.ts';
import type { CacheLimits } from '../../model/ports/store-upkeep.ts';
import { artifactName, TRUSTED } from '../bucket/layout.ts';

/**
 * How long unusable objects are kept, ms: an artifact is uploaded before its record, and a slow listing may include a
 * record but not the artifact that was uploaded while it ran.
 */
export const GRACE = 86_400_000;

/** An artifact's object. */
export interface SharedArtifact extends ListedObject {
  readonly scope: string;
  readonly digest: Digest;
}

/** A record's object. */
export interface SharedRecord extends ListedObject {
  readonly scope: string;
  readonly key: Key;
  /** The fields that the upkeep uses; undefined when it is damaged. */
  readonly content: RecordContent | undefined;
}

export interface RecordContent {
  readonly layer: string;
  readonly created: string;
  /** Of the main disk. */
  readonly digest: Digest;
  readonly further: readonly Digest[];
  /** The backing file of the main disk. */
  readonly backing: Digest | undefined;
  /** The further disks, the parent's disks, and the artifacts mounted during its build. */
  readonly needed: readonly Digest[];
}

export interface SharedInventory {
  /** By name. */
  readonly artifacts: ReadonlyMap<string, SharedArtifact>;
  readonly records: readonly SharedRecord[];
}

export interface SharedSelection {
  /** In an order in which an artifact comes after all that depend on it. */
  readonly artifacts: readonly SharedArtifact[];
  /** The records that name these artifacts, in the same order. */
  readonly records: readonly SharedRecord[];
  /** Unusable records: without an artifact, or damaged. */
  readonly lost: readonly SharedRecord[];
}

/**
 * What to remove, and in which order.
 * @param now ms
 */
export function selectShared(inventory: SharedInventory, limits: CacheLimits, now: number): SharedSelection {
  const { artifacts } = inventory;
  const isYoung = ({ modified }: { readonly modified: number }) => now - modified < GRACE;
  const records = recordsOf(inventory);
  const candidates = candidatesOf(inventory, records);
  const whole = wholeOnes(candidates);
  const waiting = [...artifacts.values()].filter((artifact) => {
    const own = records.get(artifact.name) ?? [];
    const isUsable = own.length > 0 && whole.has(artifact.name);
    return !isUsable && [artifact, ...own].some(isYoung);
  });
  const spared = withNeeds(
    waiting.map(({ name }) => name),
    candidates,
  );
  // Untrusted artifacts go first: any number of them must not evict trusted ones.
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

/** The names of all artifacts that records need: their own, and those that these depend on. */
export function neededBy(records: readonly SharedRecord[], inventory: SharedInventory): ReadonlySet<string> {
  const names = records.flatMap(({ scope, content }) =>
    content ? [artifactName(scope, content.digest), ...needsOf(content, scope, inventory)] : [],
  );
  return withNeeds(names, candidatesOf(inventory, recordsOf(inventory)));
}

/** The records that name a disk of an artifact, by its name. */
export function recordsNaming({ records }: SharedInventory): ReadonlyMap<string, readonly SharedRecord[]> {
  const named = records.flatMap((record) =>
    record.content
      ? [record.content.digest, ...record.content.further].map((digest) => ({
          record,
          name: artifactName(record.scope, digest),
        }))
      : [],
  );
  const all = Map.groupBy(named, ({ name }) => name);
  return new Map([...all].map(([name, found]) => [name, found.map(({ record }) => record)]));
}

/** The records of the artifacts with these main disks, by their names. */
function recordsOf({ records }: SharedInventory): ReadonlyMap<string, readonly SharedRecord[]> {
  const usable = records.flatMap(({ content, ...record }) => (content ? [{ ...record, content }] : []));
  return Map.groupBy(usable, ({ scope, content }) => artifactName(scope, content.digest));
}

/** The artifacts as candidates for removal, by name. */
function candidatesOf(
  inventory: SharedInventory,
  records: ReadonlyMap<string, readonly SharedRecord[]>,
): Map<string, Candidate> {
  return new Map(
    [...inventory.artifacts].map(([name, artifact]) => [
      name,
      candidateOf(artifact, records.get(name) ?? [], inventory),
    ]),
  );
}

function candidateOf(
  { name, scope, bytes }: SharedArtifact,
  records: readonly SharedRecord[],
  inventory: SharedInventory,
): Candidate {
  const contents = records.flatMap(({ content }) => content ?? []);
  // Not Math.max(...): there may be more records than a call takes arguments.
  const lastUsed = records
    .map(({ modified }) => modified)
    .reduce<number | undefined>((latest, one) => Math.max(latest ?? one, one), undefined);
  // All records of an artifact name the same one: that in its header.
  const named = contents.find((content) => content.backing !== undefined)?.backing;
  const backing = named && placesOf(named, scope, inventory)[0];
  const needs = new Set(contents.flatMap((content) => needsOf(content, scope, inventory)));
  return { name, bytes, lastUsed, backing, needs: [...needs] };
}

function needsOf({ backing, needed }: RecordContent, scope: string, inventory: SharedInventory): string[] {
  return [...(backing === undefined ? [] : [backing]), ...needed].flatMap((digest) =>
    placesOf(digest, scope, inventory),
  );
}

/** Where a build of a scope finds an artifact: in the trusted scope, or else in its own. */
function placesOf(digest: Digest, scope: string, { artifacts }: SharedInventory): string[] {
  const names = [...new Set([TRUSTED, scope])].map((one) => artifactName(one, digest));
  const there = names.filter((name) => artifacts.has(name));
  return there.length > 0 ? there : names.slice(-1);
}
