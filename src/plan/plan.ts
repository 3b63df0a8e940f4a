// (graph, recipes, store) → plan, complete before anything runs.

import { type Artifact, MAIN_DISK } from '../model/artifact.ts';
import {
  type Graph,
  type Identity,
  isLayer,
  type Lineage,
  lineageOf,
  type Node,
  needsOf,
} from '../model/graph.ts';
import type { Action, Plan, PlanStep } from '../model/plan.ts';
import type { InPlace, Store } from '../model/ports/store.ts';
import { artifactOf, decide, decideBehindRun, retentionOf } from './decide.ts';

/** The recipe of a node over what is known so far; undefined while something that it needs is missing. */
export type RecipeOf = (node: Node, known: ReadonlyMap<string, Identity>) => string | undefined;

/**
 * The plan for a graph. Nothing is looked up for what depends on a node that has to run: its digest, and so every key
 * that depends on it, is known only after it ran. Nodes that do not depend on each other are looked up at the same time: a shared
 * cache takes its time to answer.
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
  const steps = new Map<string, Promise<PlanStep>>();
  const stepOf = async (node: Node): Promise<PlanStep> => {
    await Promise.all(needsOf(node).map((name) => steps.get(name)));
    const kept = keeping.get(node.name) ?? 'cached';
    const recipe = recipeOf(node, known);
    const action = isForced(node)
      ? ({ type: 'run', reason: 'forced', changes: [] } as const)
      : recipe === undefined
        ? decideBehindRun(kept, await inPlace.last(node.name), () => recipeOver(expected, node, recipeOf))
        : await decide(node, kept, recipe, store, inPlace);
    const lineage = lineageOf<Identity>(node, known);
    const begun = lineage ? await withFirstStep(node, action, recipe, lineage, store) : action;
    const artifact = artifactOf(action);
    if (artifact) known.set(node.name, artifact);
    expected.set(node.name, artifact ?? NOT_BUILT);
    return { node, keeping: kept, action: begun };
  };
  // Each after those that it needs, whose steps it finds here.
  for (const node of graph.nodes) steps.set(node.name, stepOf(node));
  return Promise.all(steps.values());
}

/** The action of a layer of steps with the step at which it begins. */
async function withFirstStep(
  node: Node,
  action: Action,
  recipe: string | undefined,
  lineage: Lineage<Identity>,
  store: Store,
): Promise<Action> {
  if (action.type !== 'run' || recipe === undefined || !isLayer(node) || !node.layer.steps) return action;
  // Only layers of steps that have to run need it.
  const { firstStep } = await import('./first-step.ts');
  const isWhole = action.reason === 'forced' || action.reason === 'expired';
  const begins = firstStep(node, recipe, lineage, action.changes, isWhole ? undefined : store.points);
  return begins ? { ...action, begins } : action;
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

const NOT_BUILT: Identity = { disks: [{ name: MAIN_DISK, digest: 'not-built-yet' }] };
