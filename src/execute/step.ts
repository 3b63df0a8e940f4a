// One step of a plan: nothing to do, or a layer's run, or the import of a base.

import type { PlanStep } from '../model/action.ts';
import type { Artifact, BuildRecord } from '../model/artifact.ts';
import { ok, type Result } from '../model/failure.ts';
import { decide } from '../plan/decide.ts';
import { belowOf } from '../plan/key.ts';
import type { RecipeOf } from '../plan/plan.ts';
import type { Context } from './context.ts';
import { importBase } from './import-base.ts';
import { runLayer } from './run-layer.ts';

export interface StepDone {
  readonly record: BuildRecord;
  readonly outcome: 'fresh' | 'restored' | 'built';
}

/**
 * Executes a step whose needs are met.
 * @param known the artifacts of the nodes that are done, by name
 */
export async function executeStep(
  { node, keeping, action: planned }: PlanStep,
  known: ReadonlyMap<string, Artifact>,
  recipeOf: RecipeOf,
  context: Context,
): Promise<Result<StepDone>> {
  const recipe = recipeOf(node, known);
  if (recipe === undefined) throw new Error(`${node.name} was started before what it needs`);
  // Behind a layer that ran, the parent's digest is known only now, and the store may well have what stands on it.
  const action =
    planned.type === 'run' ? await decide(node, keeping, recipe, context.store, context.inPlace) : planned;
  if (action.type === 'restore' && node.type === 'layer') {
    const saved = await context.inPlace.save(action.record);
    if (!saved.ok) return saved;
  }
  if (action.type !== 'run') {
    return ok({ record: action.record, outcome: action.type === 'fresh' ? 'fresh' : 'restored' });
  }
  context.emit({ type: 'layer-started', layer: node.name });
  const result =
    node.type === 'base'
      ? await importBase(node.base, recipe, context)
      : await runLayer(
          { layer: node.layer, below: belowOf(node, known) ?? { parent: undefined, mounts: [] }, keeping },
          context,
        );
  if (!result.ok) return result;
  if (node.type === 'layer') {
    const saved = await context.inPlace.save(result.value);
    if (!saved.ok) return saved;
  }
  return ok({ record: result.value, outcome: 'built' });
}

/** Seconds with milliseconds, since a reading of `performance.now()`. */
export function secondsSince(startedAt: number): number {
  return Math.round(performance.now() - startedAt) / 1000;
}
