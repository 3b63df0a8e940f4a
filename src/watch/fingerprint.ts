// Detects whether a build is out of date, by a fingerprint of each node and of everything that it depends on.

import { createHash } from 'node:crypto';
import { MAIN_DISK, mainDisk } from '../model/artifact.ts';
import { type Identity, needsOf } from '../model/graph.ts';
import type { Plan } from '../model/plan.ts';
import type { RecipeOf } from '../plan/plan.ts';

/** For each node, by name: a digest of its inputs and of those of all that it depends on, but not of names. */
export type Fingerprints = ReadonlyMap<string, string>;

/**
 * The fingerprints of a plan's nodes. They are computed like keys, with the fingerprints of what a node depends on instead of
 * the digests of its artifacts, which may not exist yet.
 */
export function fingerprintsOf(plan: Plan, recipeOf: RecipeOf): Fingerprints {
  const known = new Map<string, Identity>();
  for (const { node } of plan) {
    const recipe = recipeOf(node, known);
    if (recipe === undefined) throw new Error(`${node.name} comes before what it needs`);
    known.set(node.name, {
      disks: [{ name: MAIN_DISK, digest: createHash('sha256').update(recipe).digest('hex') }],
    });
  }
  return new Map([...known].map(([name, identity]) => [name, mainDisk(identity).digest]));
}

/** Whether two maps have the same names with the same values. */
export function isSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);
}

/** The layers of which the own inputs changed, not only those of a layer below; then the removed layers. */
export function changedLayers(before: Fingerprints, now: Fingerprints, plan: Plan): readonly string[] {
  const old = new Set(before.values());
  const current = new Set(now.values());
  const isOld = (name: string) => old.has(now.get(name) ?? '');
  const changed = plan
    .filter(({ node }) => !isOld(node.name) && needsOf(node).every(isOld))
    .map(({ node }) => node.name);
  const gone = [...before].filter(([name, own]) => !now.has(name) && !current.has(own)).map(([name]) => name);
  return [...changed, ...gone];
}
