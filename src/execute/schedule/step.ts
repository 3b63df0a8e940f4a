// Executes one step of a plan: records what was found, runs a layer, or imports a base.

import { baseKindOf } from '../../kinds/registry.ts';
import type { Artifact, BuildRecord, Key } from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Node } from '../../model/graph.ts';
import { isLayer, lineageOf } from '../../model/graph.ts';
import type { Action, PlanStep } from '../../model/plan.ts';
import type { RunOwner } from '../../model/ports/machine.ts';
import type { Claim } from '../../model/ports/shared-cache.ts';
import { keyOf } from '../../model/recipe.ts';
import { decide } from '../../plan/decide.ts';
import type { RecipeOf } from '../../plan/plan.ts';
import { ownerText } from '../../util/owner-text.ts';
import { formatSeconds } from '../../util/units.ts';
import { checkHost } from '../preflight.ts';
import type { LayerRun } from '../run/job.ts';
import type { Context } from '../run-context.ts';

export interface StepDone {
  readonly record: BuildRecord;
  readonly outcome: 'fresh' | 'restored' | 'built';
}

/** Another machine builds this key. */
export interface Claimed {
  readonly claimed: Key;
}

export interface StepOptions {
  readonly recipeOf: RecipeOf;
  /** The records of all that the node depends on, see `recordsBelow`. */
  readonly records: () => readonly BuildRecord[];
  /** Whether the plan had found the node, so that `checkHost` was not called for it. */
  readonly needsPreflight: boolean;
  /** Whether it was executed before, and another machine was building the same. */
  readonly isResumed: boolean;
  /** Called when the layer is built and only has to be shared. */
  readonly onBuilt: () => void;
}

/**
 * Executes a step of which all dependencies are done.
 * @param known the artifacts of the nodes that it depends on, by name
 */
export async function executeStep(
  { node, keeping, action: planned }: PlanStep,
  known: ReadonlyMap<string, Artifact>,
  { recipeOf, records, needsPreflight, isResumed, onBuilt }: StepOptions,
  context: Context,
): Promise<Result<StepDone | Claimed>> {
  const recipe = recipeOf(node, known);
  const lineage = lineageOf(node, known);
  if (recipe === undefined || !lineage) throw new Error(`${node.name} was started before its dependencies`);
  if (planned.type !== 'run') return recordInPlace(node, planned, context);

  if (!isResumed) context.emit({ type: 'layer-started', layer: node.name });
  const key = keyOf(recipe);
  const locked = await context.store.lock(key, (owner) => noteWait(node, owner, context), context.signal);
  if (!locked.ok) return locked;
  using lock = locked.value;
  if (!lock) return fail('interrupted', `layer ${node.name} was interrupted`);
  // Only now are the parent's digest and the lock certain: another process may have built the same in the meantime.
  const forced = planned.reason === 'forced';
  const decideAgain = () => decide(node, keeping, recipe, context.store, context.inPlace);
  let action: Action = forced ? planned : await decideAgain();
  // What was found may be removed before it is leased, or not arrive: then it is not found again.
  while (action.type !== 'run' && !(await ensureLocal(action.record, context))) action = await decideAgain();
  if (action.type !== 'run') return recordInPlace(node, action, context);
  const able = needsPreflight ? await checkHost([node], context) : ok();
  if (!able.ok) return able;
  const replaces = action.reason === 'forced' || action.reason === 'expired';
  const claim = replaces || keeping !== 'cached' ? undefined : await claimed(node, key, records(), context);
  if (claim?.type === 'other') return ok({ claimed: key });
  await using _claim = claim;
  if (claim?.isHeld) {
    action = await decideAgain();
    if (action.type !== 'run' && (await ensureLocal(action.record, context))) {
      return recordInPlace(node, action, context);
    }
  }
  const steered = await context.steering?.beforeRun(node.name, key);
  if (steered?.ok === false) return steered;
  const own = steered ? { ...context, signal: AbortSignal.any([context.signal, steered.value]) } : context;
  const usesHostTools = isLayer(node) && node.layer.steps?.all.some(({ hostTool }) => hostTool !== undefined);
  const owner = { key, below: records().map((record) => record.key), usesHostTools: usesHostTools === true };
  const result = await runNode(node, recipe, { lineage, keeping, replaces, owner }, own);
  if (!result.ok) return result;
  const { shared } = context.store;
  if (shared) onBuilt();
  // Before other layers are built on it: where another machine published first, they must be built on its artifact.
  const record =
    (await shared?.publish(result.value, records(), { replaces, signal: context.signal })) ?? result.value;
  const saved = isLayer(node) ? await context.inPlace.save(node.name, record) : ok();
  return saved.ok ? ok({ record, outcome: 'built' }) : saved;
}

/** Has other machines know that this one builds a key; undefined where nobody else could use it. */
async function claimed(
  node: Node,
  key: Key,
  below: readonly BuildRecord[],
  { store, inPlace, emit, signal }: Context,
): Promise<Claim | undefined> {
  if (!store.shared || (isLayer(node) && node.layer.hints.noshare)) return undefined;
  const usually = isLayer(node) ? (await inPlace.last(node.name))?.seconds : undefined;
  const claim = await store.shared.claim(key, { layer: node.name, usually, below }, signal);
  if (claim.type === 'other') {
    const { host, since, usually: time } = claim.by;
    const often = time === undefined ? '' : ` (usually ${formatSeconds(time)})`;
    const message = `waiting for ${node.name}, which ${host} has been building for ${formatSeconds(since)}${often}`;
    emit({ type: 'note', message });
  }
  return claim;
}

/** Fetches an artifact where it is in the shared cache, and leases it. False when it is missing or cannot be fetched. */
async function ensureLocal(record: BuildRecord, { store, signal }: Context): Promise<boolean> {
  if (store.shared?.isAway(record)) return await store.shared.fetch(record, signal);
  return (await store.lease([record], signal)).length === 0;
}

/** Runs a node. Loads the code for that only now: most builds run nothing. */
async function runNode(
  node: Node,
  recipe: string,
  run: Omit<LayerRun, 'layer' | 'owner'> & { readonly owner: RunOwner },
  context: Context,
): Promise<Result<BuildRecord>> {
  if (!isLayer(node)) {
    const { explainFullDisk } = await import('../run/space.ts');
    const { inOwnDirectory } = await import('../run/run-directory.ts');
    return baseKindOf(node.base).import({
      ...context,
      name: node.name,
      recipe,
      withWorkbench: (work) => inOwnDirectory(context, run.owner, work),
      explain: (failure) => explainFullDisk(failure, context),
    });
  }
  const { runLayer } = await import('../run/run-layer.ts');
  return runLayer({ ...run, layer: node.layer }, context);
}

/** Records an artifact that was found as the layer's last. */
async function recordInPlace(
  node: Node,
  action: Exclude<Action, { type: 'run' }>,
  { inPlace }: Context,
): Promise<Result<StepDone>> {
  const { record } = action;
  if (action.type === 'fresh') return ok({ record, outcome: 'fresh' });
  const saved = isLayer(node) ? await inPlace.save(node.name, record) : ok();
  return saved.ok ? ok({ record, outcome: 'restored' }) : saved;
}

function noteWait(node: Node, owner: string, context: Context): void {
  const message = `waiting for ${ownerText(owner, context.owner)}, which is building the same ${node.name}`;
  context.emit({ type: 'note', message });
}

/** Seconds with milliseconds, since a reading of `performance.now()`. */
export function secondsSince(startedAt: number): number {
  return Math.round(performance.now() - startedAt) / 1000;
}
