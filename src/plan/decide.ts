// What happens to one node once what it stands on is known. The plan and the execution both ask here, nobody else decides.

import type { Artifact, BuildRecord, Keeping } from '../model/artifact.ts';
import { type Graph, type Node, needsOf } from '../model/graph.ts';
import type { Action, RunReason } from '../model/plan.ts';
import type { InPlace, Store } from '../model/ports/store.ts';
import { explain, reasonOf } from './explain.ts';
import { keyOf } from './key.ts';

/**
 * Fresh, restored or run, for a node whose recipe is known (so its parent's digest is).
 * @param recipe see src/plan/key.ts
 */
export async function decide(
  node: Node,
  keeping: Keeping,
  recipe: string,
  store: Store,
  inPlace: InPlace,
): Promise<Action> {
  const last = await inPlace.last(node.name);
  // Most layers are as they were, and a key that is known need not be computed again.
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

/** The run of a layer whose result is too old; undefined while it is not. */
function expired(node: Node, { created }: BuildRecord): Action | undefined {
  const maxAge = node.type === 'layer' ? node.layer.hints.maxAge : undefined;
  if (maxAge === undefined) return undefined;
  const seconds = (Date.now() - Date.parse(created)) / 1000;
  // A clock that was set back a little means nothing; a result from far ahead was told a wrong time, so its age is unknown.
  if (Math.abs(seconds) <= maxAge) return undefined;
  return { type: 'run', reason: 'expired', changes: [{ type: 'age', created, seconds, maxAge }] };
}

async function found(node: Node, record: BuildRecord, store: Store, inPlace: InPlace): Promise<Action> {
  if (store.shared?.isAway(record)) return { type: 'restore', record };
  // A base has no link of its own in build/: having it is being in place.
  const fresh = node.type === 'base' || (await inPlace.linked(node.name)) === record.artifact.digest;
  return { type: fresh ? 'fresh' : 'restore', record };
}

/** For each node, by name, whether its artifact enters the store: uncached is inherited by every descendant. */
export function keepingOf(graph: Graph): ReadonlyMap<string, Keeping> {
  const keeping = new Map<string, Keeping>();
  for (const node of graph.nodes) {
    const uncached =
      (node.type === 'layer' && node.layer.hints.nocache) ||
      needsOf(node).some((name) => keeping.get(name) === 'uncached');
    keeping.set(node.name, uncached ? 'uncached' : 'cached');
  }
  return keeping;
}

/**
 * A node runs that needs one that will run. Its own changes are told first.
 * @param recipe gives the recipe to compare with its last one, see `expectedRecipe` of src/plan/plan.ts
 */
export function decideBehindRun(
  keeping: Keeping,
  last: BuildRecord | undefined,
  recipe: () => string,
): Action {
  const changes = last ? explain(last.recipe, recipe()) : [];
  const own = changes.some((change) => change.type !== 'parent');
  const reason: RunReason = keeping === 'uncached' ? 'nocache' : own ? reasonOf(changes) : 'parent changed';
  return { type: 'run', reason, changes };
}

/** The artifact a decided node ends up with, when that is known before anything ran. */
export function artifactOf(action: Action): Artifact | undefined {
  return action.type === 'run' ? undefined : action.record.artifact;
}
