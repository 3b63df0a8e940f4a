// Executes a plan, and makes its outputs. Decisions are made in src/plan/decide.ts.

import path from 'node:path';
import type { Artifact } from '../model/artifact.ts';
import type { Finished, PlannedStep } from '../model/event.ts';
import { type Failure, ok } from '../model/failure.ts';
import { isLayer, type LayerNode } from '../model/graph.ts';
import type { Plan, PlanStep } from '../model/plan.ts';
import type { ImageLayers } from '../plan/images.ts';
import type { RecipeOf } from '../plan/plan.ts';
import { type ImageChecks, runChecks } from './checks.ts';
import { makeOutputs, type OutputOptions, type Outputs } from './outputs.ts';
import { checkHost } from './preflight.ts';
import type { Context } from './run-context.ts';
import { type Done, nothingDone, runSteps, type ScheduleOptions } from './schedule/loop.ts';
import { secondsSince } from './schedule/step.ts';

/** A plan, and all that its execution takes. */
export interface Planned {
  readonly plan: Plan;
  /** The images that vlb.yaml names. */
  readonly images: ImageLayers;
  readonly recipeOf: RecipeOf;
  readonly context: Context;
  readonly checks: ImageChecks;
}

export interface ExecuteOptions extends Omit<ScheduleOptions, 'wanted'>, OutputOptions {
  /** Called for the first failed layer whose disk was saved, when nothing runs any more and before `finished`. */
  readonly onFailedDisk?: (
    node: LayerNode,
    failure: Failure,
    known: ReadonlyMap<string, Artifact>,
  ) => Promise<void>;
  /** Checks of the images, after all layers are built. */
  readonly checks?: ImageChecks;
  /** When the build began, by `performance.now()`; by default, when the process did. */
  readonly startedAt?: number;
}

/** What came of a plan. */
export interface Executed {
  readonly finished: Finished;
  /** What there is of each node, by its name. */
  readonly artifacts: ReadonlyMap<string, Artifact>;
}

/** Executes a plan and emits events, `finished` last. */
export async function execute(plan: Plan, options: ExecuteOptions, context: Context): Promise<Executed> {
  context.emit({ type: 'plan', steps: plan.map(plannedStep) });
  noteUncached(plan, context);
  const held = await holdPlan(plan, options.flatten || options.kept !== undefined, context);
  const running = held.filter((step) => step.action.type === 'run').map(({ node }) => node);
  const able = await checkHost(running, context);
  const done = able.ok
    ? await runSteps(
        held,
        { ...options, wanted: new Set([...options.images.values(), ...(options.kept ?? [])]) },
        context,
      )
    : nothingDone();
  await showFailed(plan, done, options, context.signal);
  await context.host.close();
  const outputs = able.ok ? await makeOutputs(plan, done, options, context) : able;
  const checked =
    outputs.ok && options.checks ? await runChecks(options.checks, done.artifacts, context) : ok();
  const failure = outputs.ok ? (checked.ok ? undefined : checked.failure) : outputs.failure;
  const shared = context.store.shared?.tally();
  const hasGrown = done.counts.built > 0 || (shared !== undefined && shared.fetched.count > 0);
  if (hasGrown) await context.store.evict(context.signal);
  const isSuperseded = done.superseded.length > 0 && done.failures.length === 0;
  const finished: Finished = {
    type: 'finished',
    ok: failure === undefined,
    counts: done.counts,
    // All the time that the user waited.
    seconds: secondsSince(options.startedAt ?? 0),
    ...(outputs.ok && checked.ok ? finishedOutputs(outputs.value, context) : {}),
    ...(failure === undefined || isSuperseded ? {} : { failure }),
    ...(shared ? { shared } : {}),
    failures: done.failures,
    ...(done.superseded.length > 0 ? { superseded: done.superseded } : {}),
  };
  context.emit(finished);
  return { finished, artifacts: done.artifacts };
}

/** Shows the disk of the first failed layer that has one. */
async function showFailed(
  plan: Plan,
  { artifacts, failures }: Done,
  { onFailedDisk }: ExecuteOptions,
  signal: AbortSignal,
): Promise<void> {
  const first = failures.find(({ failure }) => failure.look !== undefined);
  const node = plan.find((step) => step.node.name === first?.layer)?.node;
  if (first && node && isLayer(node) && !signal.aborted) await onFailedDisk?.(node, first.failure, artifacts);
}

/** The files of the images, relative to the working directory. */
function finishedOutputs(
  { main, named }: Outputs,
  { environment }: Context,
): Pick<Finished, 'image' | 'bytes' | 'images'> {
  const short = (file: string) => path.relative(environment.directory, file);
  return {
    ...(main === undefined ? {} : { image: short(main.file), bytes: main.bytes }),
    ...(named.length > 0 ? { images: named.map(({ file, bytes }) => ({ file: short(file), bytes })) } : {}),
  };
}

/**
 * Leases what the plan found, so that it is not removed in the meantime. Artifacts in place are not removed anyway, so a build
 * with nothing to do takes no lease. Where something was removed since the plan was made, all nodes are decided again.
 */
async function holdPlan(plan: Plan, all: boolean, { store, signal }: Context): Promise<Plan> {
  const known = plan.flatMap(({ action }) => (action.type === 'run' ? [] : [action.record]));
  if (!all && plan.every(({ action }) => action.type === 'fresh')) {
    store.noteUse(known);
    return plan;
  }
  const gone = await store.lease(known, signal);
  if (gone.length === 0) return plan;
  return plan.map((step) =>
    step.action.type === 'run'
      ? step
      : { ...step, action: { type: 'run', reason: 'artifact lost', changes: [] } },
  );
}

/** Notes which layers cannot be cached because of a layer that they depend on. */
function noteUncached(plan: Plan, { emit }: Context): void {
  const uncached = plan.filter((step) => step.keeping === 'uncached').map(({ node }) => node);
  const causes = uncached.filter((node) => node.layer?.hints.nocache);
  const others = uncached.filter((node) => !causes.includes(node)).map((node) => node.name);
  if (others.length === 0) return;
  const cause = causes.map((node) => node.name).join(', ');
  emit({
    type: 'note',
    message: `${others.join(', ')} cannot be cached: built on ${cause}, which is nocache`,
  });
}

/** A step as the event of the plan has it. */
export function plannedStep({ node, action }: PlanStep): PlannedStep {
  return {
    layer: node.name,
    action: action.type,
    ...(action.type === 'run' ? { reason: action.reason } : {}),
  };
}
