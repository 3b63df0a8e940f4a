// The upkeep of cache points: which of them can go, and which go first. They are local, and cheaper to lose than any artifact.

import { renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Amount, CacheLimits } from '../../model/ports/store-upkeep.ts';
import { namesIn, textIfAny } from '../../util/fs.ts';
import { below, leaseName, parsePoint, pointKeyOf, pointOf } from '../local/points.ts';
import { measure, type StorePlaces } from '../names.ts';

export interface StoredPoint {
  readonly id: string;
  readonly file: string;
  /** Disk usage, bytes. */
  readonly disk: number;
  /** Of the record that names it; undefined if none does. */
  readonly record: { readonly file: string; readonly layer: string; readonly title: string } | undefined;
  /** ms; 0 for one that no build can use any more. */
  readonly lastUsed: number;
  /** When it was written, ms. */
  readonly created: number;
  readonly below: ReturnType<typeof below>;
}

/** All points of a store. */
export function readPoints({ points }: StorePlaces): ReadonlyMap<string, StoredPoint> {
  const names = namesIn(points);
  const records = names.flatMap((name) => {
    const key = pointKeyOf(name);
    const file = path.join(points, name);
    const record = key === undefined ? undefined : parsePoint(textIfAny(file) ?? '');
    return record && record.key === key ? [{ ...record, file }] : [];
  });
  const byId = new Map(records.map((record) => [record.id, record]));
  const found = new Map<string, StoredPoint>();
  for (const name of names) {
    const id = pointOf(name);
    const file = path.join(points, name);
    const measured = id === undefined ? undefined : measure(file);
    if (id === undefined || !measured) continue;
    const record = byId.get(id);
    found.set(id, {
      id,
      file,
      disk: measured.disk,
      record: record && { file: record.file, layer: record.layer, title: record.title },
      lastUsed: (record && measure(record.file)?.modified) ?? 0,
      created: measured.changed,
      below: below(file),
    });
  }
  return found;
}

/** What the points of a store take. */
export function pointsAmount(points: Iterable<StoredPoint>): Amount {
  let [count, bytes] = [0, 0];
  for (const { disk } of points) {
    count++;
    bytes += disk;
  }
  return { count, bytes };
}

/**
 * The points to remove, each after those that are over it: what no build can use, what was not used for too long, and of the others
 * the least recently used, as long as the store is too large.
 * @param otherBytes what else counts towards the limit
 */
export function selectPoints(
  points: ReadonlyMap<string, StoredPoint>,
  leased: ReadonlySet<string>,
  artifacts: ReadonlySet<string>,
  limits: CacheLimits,
  otherBytes: number,
  now: number,
): readonly StoredPoint[] {
  const lastUsed = usesOf(points, artifacts);
  const inUse = new Set<string>();
  for (const { id } of points.values()) {
    if (!leased.has(leaseName(id))) continue;
    for (const one of chainOf(id, points)) inUse.add(one);
  }
  const depth = (id: string) => chainOf(id, points).length;
  const order = [...points.values()]
    .filter(({ id }) => !inUse.has(id))
    .toSorted((a, b) => (lastUsed.get(a.id) ?? 0) - (lastUsed.get(b.id) ?? 0) || depth(b.id) - depth(a.id));
  let total = otherBytes + pointsAmount(points.values()).bytes;
  const victims: StoredPoint[] = [];
  for (const point of order) {
    const used = lastUsed.get(point.id) ?? 0;
    const isOld = limits.maxAge !== undefined && now - used > limits.maxAge * 1000;
    const isTooMuch = limits.maxBytes !== undefined && total > limits.maxBytes;
    if (used !== 0 && !isOld && !isTooMuch) continue;
    victims.push(point);
    total -= point.disk;
  }
  return victims;
}

/** Removes points, their records first. Returns files to unlink later. Throws node's fs errors. */
export function removePoints(
  victims: readonly StoredPoint[],
  { artifacts, points }: StorePlaces,
  owner: string,
): string[] {
  const files = victims.map(({ id, file, record }) => {
    if (record) rmSync(record.file, { force: true });
    const target = path.join(artifacts, `.tmp-${owner}-point-${id}`);
    renameSync(file, target);
    return target;
  });
  const present = new Set(namesIn(artifacts));
  for (const name of namesIn(points)) {
    const digest = /^([0-9a-f]{64})\.release$/.exec(name)?.[1];
    if (digest === undefined) continue;
    if (!present.has(`${digest}.qcow2`) && !present.has(`uncached-${digest}.qcow2`)) {
      rmSync(path.join(points, name), { force: true });
    }
  }
  return files;
}

/** When each was last used, itself or through one over it; 0 for one that no build can use. */
function usesOf(
  points: ReadonlyMap<string, StoredPoint>,
  artifacts: ReadonlySet<string>,
): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  for (const { id, lastUsed } of points.values()) {
    const chain = chainOf(id, points);
    const lowest = points.get(chain.at(-1) ?? '')?.below;
    const isWhole = lowest !== undefined && 'artifact' in lowest && artifacts.has(lowest.artifact);
    if (!isWhole) continue;
    for (const one of chain) uses.set(one, Math.max(uses.get(one) ?? 0, lastUsed));
  }
  return uses;
}

/** A point and those below it, the topmost first. */
function chainOf(id: string, points: ReadonlyMap<string, StoredPoint>): readonly string[] {
  const chain: string[] = [];
  for (let at: string | undefined = id; at !== undefined && !chain.includes(at); ) {
    chain.push(at);
    const next: StoredPoint['below'] = points.get(at)?.below;
    at = next && 'point' in next ? next.point : undefined;
  }
  return chain;
}
