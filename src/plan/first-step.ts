// At which step the run of a layer of steps would begin, and why there.

import { InputTree } from '../kinds/steps/input-tree.ts';
import { findBeginning, pointKeys } from '../kinds/steps/points.ts';
import type { Identity, LayerNode, Lineage } from '../model/graph.ts';
import type { Change, FirstStep } from '../model/plan.ts';
import type { CachePoints } from '../model/ports/points.ts';
import { parseRecipe } from '../model/recipe.ts';

/**
 * The first step that would run.
 * @param recipe of the layer now, its text
 * @param points undefined where all steps have to run
 */
export function firstStep(
  { layer }: LayerNode,
  recipe: string,
  lineage: Lineage<Identity>,
  changes: readonly Change[],
  points: CachePoints | undefined,
): FirstStep | undefined {
  const steps = layer.steps?.all ?? [];
  // A layer with a system begins with that.
  if (steps.length === 0 || layer.system) return undefined;
  const tree = new InputTree(parseRecipe(recipe).manifest);
  const mayUse = points && layer.steps?.cachePoints && !layer.hints.nocache;
  const done = mayUse ? findBeginning(layer, pointKeys(layer, lineage, tree), points).done : 0;
  const step = steps[done];
  const inputs = changes.flatMap((change) => (change.type === 'input' ? [change.path] : []));
  const isOther = changes.some((change) => change.type === 'step' && change.index === done + 1);
  return {
    index: done + 1,
    count: steps.length,
    title: step?.title ?? '',
    changed: isOther ? 'step' : step ? inputs.filter((path) => tree.sees(step.reads, path)) : [],
  };
}
