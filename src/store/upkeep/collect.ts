// Garbage collection: removes what is over a store's limits, and superseded uncached artifacts.
// A build loads it with import() only: one with nothing to do removes nothing.

import { rmSync } from 'node:fs';
import path from 'node:path';
import { parseArtifactFile } from '../../model/artifact.ts';
import { type Candidate, selectForEviction, withNeeds } from '../../model/eviction.ts';
import { ok, type Result } from '../../model/failure.ts';
import type { CacheLimits, Collected } from '../../model/ports/store-upkeep.ts';
import { namesIn } from '../../util/fs.ts';
import { greatest } from '../../util/table.ts';
import { artifactsInPlace } from '../in-place/in-place.ts';
import { backingArtifact } from '../local/qcow2-header.ts';
import { forgetDead, leasedNames } from '../locks/lease.ts';
import { guarded } from '../locks/lock.ts';
import { measure, RECORD, type StorePlaces } from '../names.ts';
import { amountBelow, amountOf, sum } from './amounts.ts';
import { cannotChangeStore, entriesOf, removeArtifact, type UpkeepOptions } from './entries.ts';
import { readInventory, type StoredArtifact } from './inventory.ts';
import { pointsAmount, readPoints, removePoints, type StoredPoint, selectPoints } from './points.ts';
import { existingProjects, forgetGone } from './projects.ts';

/**
 * What a build does at its end: collects if the store is over its limits. Undefined when there was nothing to do, or
 * the signal came first. Fails as `host` when the store cannot be changed.
 */
export async function evict(
  limits: CacheLimits,
  options: UpkeepOptions,
  signal: AbortSignal,
): Promise<Result<Collected> | undefined> {
  try {
    if (!isOverLimits(options.places, limits)) return undefined;
    const collected = await collect(limits, options, { dryRun: false, signal });
    return collected && ok(collected);
  } catch (error) {
    return cannotChangeStore(options.directory, error);
  }
}

/**
 * Removes what is over the limits, or with `dryRun` only returns what that would be. Undefined when the signal came
 * first. Throws node's fs errors.
 */
export async function collect(
  limits: CacheLimits,
  options: UpkeepOptions,
  { dryRun, signal }: { readonly dryRun: boolean; readonly signal: AbortSignal },
): Promise<Collected | undefined> {
  const { places } = options;
  if (dryRun) return select(limits, options).collected;
  // Under the guard the selected files are only renamed; unlinking them may take long.
  const done = await guarded(options, signal, () => {
    forgetGone(places);
    forgetDead(places.leases, options.isAlive);
    const selected = select(limits, options);
    const points = removePoints(selected.points, places, options.owner);
    const files = selected.artifacts.map((artifact) => removeArtifact(artifact, options));
    removeLostLogs(places);
    return { collected: selected.collected, files: [...points, ...files, ...selected.damaged] };
  });
  for (const file of done?.files ?? []) rmSync(file, { force: true });
  return done?.collected;
}

/**
 * Removes superseded uncached artifacts, by file name, except those that another running build has leased, or that
 * another project's links lead to or depend on. Throws node's fs errors.
 */
export async function dropUnused(names: readonly string[], options: UpkeepOptions): Promise<void> {
  const { places, project, isAlive, owner } = options;
  await guarded(options, new AbortController().signal, () => {
    const used = new Set(leasedNames(places.leases, isAlive, owner));
    for (const other of existingProjects(places)) {
      if (other.build === project.build) continue;
      for (const name of artifactsInPlace(other)) used.add(name);
    }
    for (const name of used) {
      const backing = backingArtifact(path.join(places.artifacts, name));
      if (backing !== undefined) used.add(backing); // iterating over a Set includes what is added to it
    }
    for (const name of names) {
      if (!used.has(name)) rmSync(path.join(places.artifacts, name), { force: true });
    }
  });
}

/** Removes logs without a record: a record is written before its log. */
function removeLostLogs({ keys }: StorePlaces): void {
  const names = namesIn(keys);
  const present = new Set(names);
  for (const name of names) {
    if (name.endsWith('.log') && !present.has(name.replace(/log$/, 'json')))
      rmSync(path.join(keys, name), { force: true });
  }
}

interface Selected {
  readonly points: readonly StoredPoint[];
  readonly artifacts: readonly StoredArtifact[];
  /** Files of damaged entries. */
  readonly damaged: readonly string[];
  readonly collected: Collected;
}

function select(limits: CacheLimits, options: UpkeepOptions): Selected {
  const { places, isAlive, project } = options;
  const now = Date.now();
  // Read before the leases: what is added to the store later is not in it, and cannot be selected.
  const inventory = readInventory(places);
  const inPlace = [project, ...existingProjects(places)].flatMap((one) => [...artifactsInPlace(one)]);
  const points = readPoints(places);
  const leased = leasedNames(places.leases, isAlive);
  const inUse = withNeeds([...leased, ...inPlace], inventory);
  const damaged = damagedFiles(places, limits, now, amountOf(inventory.values()).bytes);
  const damagedBytes = amountBelow(places.damaged).bytes - damaged.bytes;
  const artifactBytes = amountOf(inventory.values()).bytes;
  // Before any artifact goes.
  const names = new Set(inventory.keys());
  const gonePoints = selectPoints(points, leased, names, limits, damagedBytes + artifactBytes, now);
  const freedPoints = pointsAmount(gonePoints);
  const otherBytes = damagedBytes + pointsAmount(points.values()).bytes - freedPoints.bytes;
  const candidates = new Map([...inventory].map(([name, artifact]) => [name, candidateOf(artifact)]));
  const artifacts = selectForEviction(candidates, inUse, limits, otherBytes, now).flatMap((name) => {
    const artifact = inventory.get(name);
    return artifact ? [artifact] : [];
  });
  const gone = new Set(artifacts);
  const kept = [...inventory.values()].filter((artifact) => !gone.has(artifact));
  const collected: Collected = {
    removed: artifacts.flatMap((artifact) => entriesOf(artifact, false)),
    points: freedPoints,
    freed: sum([amountOf(artifacts), freedPoints, { count: damaged.files.length, bytes: damaged.bytes }]),
    kept: amountOf(kept),
    inUse: amountOf(kept.filter(({ name }) => inUse.has(name))),
  };
  return { points: gonePoints, artifacts, damaged: damaged.files, collected };
}

function candidateOf({ name, disk, records, backing, needs }: StoredArtifact): Candidate {
  const lastUsed = records.length === 0 ? undefined : greatest(records.map((record) => record.lastUsed));
  return { name, bytes: disk, lastUsed, backing, needs };
}

/** Damaged entries are kept for inspection only: until they are old, or the store is over its limit. */
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

/**
 * Whether a store is over its limits, as far as the status of its files shows: cheap enough for the end of every build.
 */
function isOverLimits({ artifacts, keys, damaged, points }: StorePlaces, limits: CacheLimits): boolean {
  const { maxBytes, maxAge } = limits;
  if (maxBytes !== undefined) {
    const files = namesIn(artifacts).filter((name) => parseArtifactFile(name));
    const bytes = files.reduce((total, name) => total + (measure(path.join(artifacts, name))?.disk ?? 0), 0);
    if (bytes + amountBelow(damaged).bytes + amountBelow(points).bytes > maxBytes) return true;
  }
  if (maxAge === undefined) return false;
  const oldest = Date.now() - maxAge * 1000;
  return namesIn(keys).some(
    (name) => RECORD.test(name) && (measure(path.join(keys, name))?.modified ?? oldest) < oldest,
  );
}
