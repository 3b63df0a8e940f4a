// What happens to one node once its dependencies are known. The plan and the execution both ask here; nothing else decides.

import type { Artifact, BuildRecord, Retention } from '../model/artifact.ts';
import { type Graph, isLayer, type Node, needsOf } from '../model/graph.ts';
import type { Action, Plan, RunReason } from '../model/plan.ts';
import type { InPlace, Store } from '../model/ports/store.ts';
import { keyOf } from '../model/recipe.ts';
import { explain, reasonOf } from './explain.ts';

/**
 * Fresh, restored or run, for a node whose recipe is known (so its parent's digest is).
 * @param recipe its text, see src/model/recipe.ts
 */
export async function decide(
  node: Node,
  keeping: Retention,
  recipe: string,
  store: Store,
  inPlace: InPlace,
): Promise<Action> {
  const last = await inPlace.last(node.name);
  // Most layers are unchanged, and a known key need not be computed again.
  const key = last?.recipe === recipe ? last.key : keyOf(recipe);
  if (keeping === 'uncached') {
    const there =
      last?.key === key && last.artifact.keeping === 'uncached' && (await store.has(last.artifact));
    if (there) return expired(node, last) ?? found(node, last, store, inPlace);
    return { type: 'run', reason: 'nocache', changes: last ? explain(last.recipe, recipe) : [] };
  }
  const record = await store.lookup(key);
  if (record) return expired(node, record) ?? found(node, record, store, inPlace);
  if (!last) return { type: 'run', reason: 'no record', changes: [] };
  const changes = explain(last.recipe, recipe);
  return { type: 'run', reason: reasonOf(changes), changes };
}

/** The action for a layer whose result is too old; undefined while it is not. */
function expired(node: Node, { created }: BuildRecord): Action | undefined {
  const maxAge = node.layer?.hints.maxAge;
  if (maxAge === undefined) return undefined;
  const seconds = (Date.now() - Date.parse(created)) / 1000;
  // A clock that was set back a little does not matter; a result from the far future has a wrong time, so its age is unknown.
  if (Math.abs(seconds) <= maxAge) return undefined;
  return { type: 'run', reason: 'expired', changes: [{ type: 'age', created, seconds, maxAge }] };
}

async function found(node: Node, record: BuildRecord, store: Store, inPlace: InPlace): Promise<Action> {
  if (store.shared?.isAway(record)) return { type: 'restore', record };
  // A base has no link of its own in build/: it is in place when the store has it.
  const fresh = !isLayer(node) || (await isLinked(node.name, record.artifact, inPlace));
  return { type: fresh ? 'fresh' : 'restore', record };
}

async function isLinked(layer: string, { disks }: Artifact, inPlace: InPlace): Promise<boolean> {
  for (const { name, digest } of disks) if ((await inPlace.linked(layer, name)) !== digest) return false;
  return true;
}

/** The retention of each node's artifact, by name: `uncached` is inherited by every descendant. */
export function retentionOf(graph: Graph): ReadonlyMap<string, Retention> {
  const keeping = new Map<string, Retention>();
  for (const node of graph.nodes) {
    const uncached =
      node.layer?.hints.nocache || needsOf(node).some((name) => keeping.get(name) === 'uncached');
    keeping.set(node.name, uncached ? 'uncached' : 'cached');
  }
  return keeping;
}

/**
 * The action for a node that depends on one that will run. Its own changes come first.
 * @param recipe returns the recipe to compare with its last one, see `expectedRecipe` of src/plan/plan.ts
 */
export function decideBehindRun(
  keeping: Retention,
  last: BuildRecord | undefined,
  recipe: () => string,
): Action {
  const changes = last ? explain(last.recipe, recipe()) : [];
  const own = changes.some((change) => change.type !== 'parent');
  const reason: RunReason = keeping === 'uncached' ? 'nocache' : own ? reasonOf(changes) : 'parent changed';
  return { type: 'run', reason, changes };
}

/** The artifact of a decided node, when that is known before anything ran. */
export function artifactOf(action: Action): Artifact | undefined {
  return action.type === 'run' ? undefined : action.record.artifact;
}

/** What a plan found, by the names of its nodes. */
export function knownArtifacts(plan: Plan): ReadonlyMap<string, Artifact> {
  return new Map(
    plan.flatMap(({ node, action }) => {
      const artifact = artifactOf(action);
      return artifact ? [[node.name, artifact] as const] : [];
    }),
  );
}
