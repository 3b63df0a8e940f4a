// (graph, recipes, store) → plan, complete before anything runs.

import type { Plan, PlanStep } from '../model/action.ts';
import type { Artifact } from '../model/artifact.ts';
import type { Graph, Node } from '../model/graph.ts';
import type { InPlace, Store } from '../model/store.ts';
import { artifactOf, decide, keepingOf, reasonBehindRunningParent } from './decide.ts';

/** Gives the recipe of a node over the artifact it would stand on. */
export type RecipeOf = (node: Node, parent: Artifact | undefined) => string;

/**
 * The plan for a graph. Nothing is looked up behind a node that has to run: its digest, and so every key that
 * stands on it, is only known once it ran.
 */
export async function makePlan(
  graph: Graph,
  recipeOf: RecipeOf,
  store: Store,
  inPlace: InPlace,
): Promise<Plan> {
  const keeping = keepingOf(graph);
  const steps = new Map<string, PlanStep>();
  for (const node of graph.nodes) {
    const kept = keeping.get(node.name) ?? 'cached';
    const parent = node.type === 'layer' && node.parent !== undefined ? steps.get(node.parent) : undefined;
    const artifact = parent && artifactOf(parent.action);
    const action =
      parent && !artifact
        ? ({ type: 'run', reason: reasonBehindRunningParent(kept) } as const)
        : await decide(node, kept, recipeOf(node, artifact), store, inPlace);
    steps.set(node.name, { node, keeping: kept, action });
  }
  return [...steps.values()];
}
