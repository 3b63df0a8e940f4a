// (graph, recipes, store) → plan, complete before anything runs.

import type { Artifact } from '../model/artifact.ts';
import type { Graph, Identity, Node } from '../model/graph.ts';
import type { Plan, PlanStep } from '../model/plan.ts';
import type { InPlace, Store } from '../model/ports/store.ts';
import { artifactOf, decide, decideBehindRun, retentionOf } from './decide.ts';

/** The recipe of a node over what is known so far; undefined while something that it needs is missing. */
export type RecipeOf = (node: Node, known: ReadonlyMap<string, Identity>) => string | undefined;

/**
 * The plan for a graph. Nothing is looked up for what depends on a node that has to run: its digest, and so every key
 * that depends on it, is known only after it ran.
 * @param isForced nodes that run regardless of the store
 */
export async function makePlan(
  graph: Graph,
  recipeOf: RecipeOf,
  store: Store,
  inPlace: InPlace,
  isForced: (node: Node) => boolean = () => false,
): Promise<Plan> {
  const keeping = retentionOf(graph);
  const known = new Map<string, Artifact>();
  const expected = new Map<string, Identity>();
  const steps: PlanStep[] = [];
  for (const node of graph.nodes) {
    const kept = keeping.get(node.name) ?? 'cached';
    const recipe = recipeOf(node, known);
    const action = isForced(node)
      ? ({ type: 'run', reason: 'forced', changes: [] } as const)
      : recipe === undefined
        ? decideBehindRun(kept, await inPlace.last(node.name), () => recipeOver(expected, node, recipeOf))
        : await decide(node, kept, recipe, store, inPlace);
    const artifact = artifactOf(action);
    if (artifact) known.set(node.name, artifact);
    expected.set(node.name, artifact ?? NOT_BUILT);
    steps.push({ node, keeping: kept, action });
  }
  return steps;
}

/**
 * The recipe that a node would have now. What still has to run is in it without a digest: it is for explanations,
 * never for a key.
 * @param steps the decisions for the nodes that it needs
 */
export function expectedRecipe(node: Node, steps: readonly PlanStep[], recipeOf: RecipeOf): string {
  const expected = new Map<string, Identity>();
  for (const step of steps) expected.set(step.node.name, artifactOf(step.action) ?? NOT_BUILT);
  return recipeOver(expected, node, recipeOf);
}

function recipeOver(expected: ReadonlyMap<string, Identity>, node: Node, recipeOf: RecipeOf): string {
  const recipe = recipeOf(node, expected);
  if (recipe === undefined) throw new Error(`${node.name} comes before what it needs`);
  return recipe;
}

const NOT_BUILT: Identity = { disks: [{ digest: 'not-built-yet' }] };
