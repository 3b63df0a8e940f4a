// Whether what a build goes by is still what the project is: by a fingerprint of each node and all below it.

import { createHash } from 'node:crypto';
import type { Artifact, Digest } from '../model/artifact.ts';
import { needsOf } from '../model/graph.ts';
import type { Plan } from '../model/plan.ts';
import type { RecipeOf } from '../plan/plan.ts';

/** For each node, by name: the same as long as its inputs, and those of all that it needs, are. Names are no part of it. */
export type Fingerprints = ReadonlyMap<string, string>;

/**
 * The fingerprints of a plan's nodes: as keys are made, but over the fingerprints of what is below instead of the digests
 * that this has or will have.
 */
export function fingerprintsOf(plan: Plan, recipeOf: RecipeOf): Fingerprints {
  const known = new Map<string, Artifact>();
  for (const { node } of plan) {
    const recipe = recipeOf(node, known);
    if (recipe === undefined) throw new Error(`${node.name} comes before what it needs`);
    const digest = createHash('sha256').update(recipe).digest('hex') as Digest; // stands in a digest's place
    known.set(node.name, { digest, keeping: 'cached', bytes: 0 });
  }
  return new Map([...known].map(([name, { digest }]) => [name, digest]));
}

/** Whether two maps, of fingerprints say, have the same names with the same values. */
export function isSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);
}

/** The layers that changed themselves, not merely what they stand on; then those that are gone. */
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
