// Garbage collection: takes out of a store what is over its limits.

import { rmSync } from 'node:fs';
import path from 'node:path';
import { type Candidate, selectForEviction, withNeeds } from '../../model/eviction.ts';
import type { CacheLimits, Collected } from '../../model/ports/store-upkeep.ts';
import { namesIn } from '../../util/fs.ts';
import { guarded } from '../locks/guard.ts';
import { forgetDead, leasedNames } from '../locks/lease.ts';
import { ARTIFACT, measure, RECORD, type StorePlaces } from '../names.ts';
import { readInventory, type StoredArtifact } from './inventory.ts';
import {
  amountBelow,
  entriesOf,
  inPlaceAnywhere,
  removeArtifact,
  sum,
  type UpkeepOptions,
} from './keeping.ts';
import { forgetGone } from './projects.ts';

/**
 * Removes what is over the limits, or only says what that would be. Undefined when the signal came first. Throws
 * node's fs errors.
 */
export async function collect(
  limits: CacheLimits,
  options: UpkeepOptions,
  { dryRun, signal }: { readonly dryRun: boolean; readonly signal: AbortSignal },
): Promise<Collected | undefined> {
  const { places } = options;
  if (dryRun) return choose(limits, options).collected;
  // What is chosen is out of everybody's sight before the guard is given up; unlinking may take its time.
  const done = await guarded(options, signal, () => {
    forgetGone(places);
    forgetDead(places.leases, options.isAlive);
    const chosen = choose(limits, options);
    const files = chosen.victims.map((victim) => removeArtifact(victim, options));
    removeLostLogs(places);
    return { collected: chosen.collected, files: [...files, ...chosen.damaged] };
  });
  for (const file of done?.files ?? []) rmSync(file, { force: true });
  return done?.collected;
}

/** Removes logs whose records are gone: a record comes before its log. */
function removeLostLogs({ keys }: StorePlaces): void {
  const names = namesIn(keys);
  const there = new Set(names);
  for (const name of names) {
    if (name.endsWith('.log') && !there.has(name.replace(/log$/, 'json')))
      rmSync(path.join(keys, name), { force: true });
  }
}

interface Chosen {
  readonly victims: readonly StoredArtifact[];
  /** Files of damaged entries that go too. */
  readonly damaged: readonly string[];
  readonly collected: Collected;
}

function choose(limits: CacheLimits, options: UpkeepOptions): Chosen {
  const { places, isAlive } = options;
  const now = Date.now();
  // Before the leases are read: what is added to the store after this is not in here, so that it cannot be chosen.
  const inventory = readInventory(places);
  const roots = [...leasedNames(places.leases, isAlive), ...inPlaceAnywhere(options)];
  const inUse = withNeeds(roots, inventory);
  const damaged = damagedFiles(places, limits, now, amountOf(inventory.values()).bytes);
  const left = amountBelow(places.damaged).bytes - damaged.bytes;
  const candidates = new Map([...inventory].map(([name, artifact]) => [name, candidateOf(artifact)]));
  const victims = selectForEviction(candidates, inUse, limits, left, now).flatMap((name) => {
    const artifact = inventory.get(name);
    return artifact ? [artifact] : [];
  });
  const gone = new Set(victims);
  const kept = [...inventory.values()].filter((artifact) => !gone.has(artifact));
  const collected: Collected = {
    removed: victims.flatMap((artifact) => entriesOf(artifact, false)),
    freed: sum([amountOf(victims), { count: damaged.files.length, bytes: damaged.bytes }]),
    kept: amountOf(kept),
    inUse: amountOf(kept.filter(({ name }) => inUse.has(name))),
  };
  return { victims, damaged: damaged.files, collected };
}

function candidateOf({ name, disk, records, backing, needs }: StoredArtifact): Candidate {
  const lastUsed = records.length === 0 ? undefined : Math.max(...records.map((record) => record.lastUsed));
  return { name, bytes: disk, lastUsed, backing, needs };
}

/** Damaged entries are only kept for a look: until they are old, or their room is wanted. */
function damagedFiles({ damaged }: StorePlaces, limits: CacheLimits, now: number, otherBytes: number) {
  const files: string[] = [];
  let bytes = 0;
  const tooMuch = limits.maxBytes !== undefined && otherBytes + amountBelow(damaged).bytes > limits.maxBytes;
  for (const name of namesIn(damaged)) {
    const file = path.join(damaged, name);
    const found = measure(file);
    const old = found && limits.maxAge !== undefined && now - found.modified > limits.maxAge * 1000;
    if (!found || !(old || tooMuch)) continue;
    files.push(file);
    bytes += found.disk;
  }
  return { files, bytes };
}

function amountOf(artifacts: Iterable<StoredArtifact>) {
  let [count, bytes] = [0, 0];
  for (const { disk } of artifacts) [count, bytes] = [count + 1, bytes + disk];
  return { count, bytes };
}

/** Whether a store is over its limits, seen from the stats of its files alone: what a build may pay at its end. */
export function isOverLimits({ artifacts, keys, damaged }: StorePlaces, limits: CacheLimits): boolean {
  const { maxBytes, maxAge } = limits;
  if (maxBytes !== undefined) {
    const files = namesIn(artifacts).filter((name) => ARTIFACT.test(name));
    const bytes = files.reduce((total, name) => total + (measure(path.join(artifacts, name))?.disk ?? 0), 0);
    if (bytes + amountBelow(damaged).bytes > maxBytes) return true;
  }
  if (maxAge === undefined) return false;
  const oldest = Date.now() - maxAge * 1000;
  return namesIn(keys).some(
    (name) => RECORD.test(name) && (measure(path.join(keys, name))?.modified ?? oldest) < oldest,
  );
}
