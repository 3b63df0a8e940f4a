// Plan → events and outputs: the loop over the steps. It decides nothing; src/plan/decide.ts does.

import { statSync } from 'node:fs';
import path from 'node:path';
import type { Plan, PlanStep } from '../model/action.ts';
import type { Artifact, BuildRecord } from '../model/artifact.ts';
import type { Finished, Outcome } from '../model/event.ts';
import { type Failure, fail, ok, type Result } from '../model/failure.ts';
import { decide } from '../plan/decide.ts';
import type { RecipeOf } from '../plan/plan.ts';
import type { Context } from './context.ts';
import { flatten } from './flatten.ts';
import { importBase } from './import-base.ts';
import { makesItsOwnDisk, needsDevice } from './modify-disk.ts';
import { runLayer } from './run-layer.ts';

export interface ExecuteOptions {
  readonly recipeOf: RecipeOf;
  /** Make build/image.qcow2 one flat file. */
  readonly flatten: boolean;
}

/** Executes a plan and tells it as events, `finished` last. Returns what `finished` says. */
export async function execute(plan: Plan, options: ExecuteOptions, context: Context): Promise<Finished> {
  const counts: Record<Outcome, number> = { fresh: 0, restored: 0, built: 0, failed: 0, skipped: 0 };
  context.emit({ type: 'plan', steps: plan.map(plannedStep) });
  noteUncached(plan, context);
  const done = await executeSteps(plan, options, counts, context);
  const image = await makeOutputs(done.built, done.failure, options, context);
  const finished: Finished = {
    type: 'finished',
    ok: image.ok,
    counts,
    // All that the person waited for: since the process began.
    seconds: secondsSince(0),
    ...(image.ok
      ? { image: path.relative(process.cwd(), image.value.file), bytes: image.value.bytes }
      : { failure: image.failure }),
  };
  context.emit(finished);
  return finished;
}

interface Built {
  readonly layer: string;
  readonly artifact: Artifact;
}

async function executeSteps(
  plan: Plan,
  options: ExecuteOptions,
  counts: Record<Outcome, number>,
  context: Context,
): Promise<{ readonly built: readonly Built[]; readonly failure: Failure | undefined }> {
  const able = await checkHost(plan, context);
  if (!able.ok) return { built: [], failure: able.failure };
  const records = new Map<string, BuildRecord>();
  const built: Built[] = [];
  let failure: Failure | undefined;
  for (const step of plan) {
    const { name } = step.node;
    if (failure) {
      counts.skipped++;
      context.emit({ type: 'layer-finished', layer: name, outcome: 'skipped', seconds: 0 });
      continue;
    }
    const startedAt = performance.now();
    const parentName = step.node.type === 'layer' ? step.node.parent : undefined;
    const parent = parentName === undefined ? undefined : records.get(parentName)?.artifact;
    const result = context.signal.aborted
      ? fail('interrupted', 'the build was interrupted')
      : await executeStep(step, parent, options, context);
    const seconds = secondsSince(startedAt);
    if (!result.ok) {
      failure = result.failure;
      counts.failed++;
      context.emit({ type: 'layer-finished', layer: name, outcome: 'failed', seconds, failure });
      continue;
    }
    const { record, outcome } = result.value;
    records.set(name, record);
    if (step.node.type === 'layer') built.push({ layer: name, artifact: record.artifact });
    counts[outcome]++;
    const { digest, bytes } = record.artifact;
    context.emit({ type: 'layer-finished', layer: name, outcome, seconds, bytes, digest });
  }
  return { built, failure };
}

interface StepDone {
  readonly record: BuildRecord;
  readonly outcome: 'fresh' | 'restored' | 'built';
}

async function executeStep(
  step: PlanStep,
  parent: Artifact | undefined,
  options: ExecuteOptions,
  context: Context,
): Promise<Result<StepDone>> {
  const { node, keeping } = step;
  const recipe = options.recipeOf(node, parent);
  // Behind a layer that ran, the parent's digest is known only now, and the store may well have what stands on it.
  const action =
    step.action.type === 'run'
      ? await decide(node, keeping, recipe, context.store, context.inPlace)
      : step.action;
  if (action.type !== 'run') {
    return ok({ record: action.record, outcome: action.type === 'fresh' ? 'fresh' : 'restored' });
  }
  context.emit({ type: 'layer-started', layer: node.name });
  const result =
    node.type === 'base'
      ? await importBase(node.base, recipe, context)
      : await runLayer({ layer: node.layer, parent, keeping }, context);
  if (!result.ok) return result;
  if (keeping === 'uncached') {
    const saved = await context.inPlace.saveUncached(result.value);
    if (!saved.ok) return saved;
  }
  return ok({ record: result.value, outcome: 'built' });
}

/** Says which layers cannot be cached only because of one below them. */
function noteUncached(plan: Plan, { emit }: Context): void {
  const uncached = plan.filter((step) => step.keeping === 'uncached').map(({ node }) => node);
  const causes = uncached.filter((node) => node.type === 'layer' && node.layer.hints.nocache);
  const others = uncached.filter((node) => !causes.includes(node)).map((node) => node.name);
  if (others.length === 0) return;
  const cause = causes.map((node) => node.name).join(', ');
  emit({
    type: 'note',
    message: `${others.join(', ')} cannot be cached: built on ${cause}, which is nocache`,
  });
}

/** Whether this host can do what the plan asks for; before anything is done. */
async function checkHost(plan: Plan, { host, paths }: Context): Promise<Result<void>> {
  const running = plan.filter((step) => step.action.type === 'run');
  if (running.length === 0) return ok();
  const able = await host.check();
  if (!able.ok) return able;
  for (const { node } of running) {
    if (node.type === 'layer' && makesItsOwnDisk(node.layer) && host.scriptDevice === undefined) {
      return needsDevice(node.layer);
    }
  }
  return host.clearLeftovers(paths.runs);
}

/** The result of a build: what it takes up with all it stands on, bytes. */
interface Image {
  readonly file: string;
  readonly bytes: number;
}

/** Links what is there, after a failure too; the image is only ever a whole one. */
async function makeOutputs(
  built: readonly Built[],
  failure: Failure | undefined,
  options: ExecuteOptions,
  context: Context,
): Promise<Result<Image>> {
  const linked = await context.inPlace.link(built, failure ? 'keep' : options.flatten ? 'keep-flat' : 'link');
  if (failure) return { ok: false, failure };
  if (!linked.ok) return linked;
  const last = built.at(-1);
  if (options.flatten && last) {
    const done = await flatten(last.artifact, linked.value, context);
    return done.ok ? ok({ file: linked.value, bytes: statSync(linked.value).size }) : done;
  }
  const bytes = built.reduce((sum, { artifact }) => sum + artifact.bytes, 0);
  return ok({ file: linked.value, bytes });
}

function plannedStep({ node, action }: PlanStep) {
  return {
    layer: node.name,
    action: action.type,
    ...(action.type === 'run' ? { reason: action.reason } : {}),
  };
}

/** Seconds with milliseconds, since a reading of `performance.now()`. */
function secondsSince(startedAt: number): number {
  return Math.round(performance.now() - startedAt) / 1000;
}
