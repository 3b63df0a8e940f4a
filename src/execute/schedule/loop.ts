// Which step when: each as soon as what it needs is done, as many at once as there are jobs, the longest path first.

import type { Artifact, BuildRecord } from '../../model/artifact.ts';
import type { FailedLayer, Outcome } from '../../model/event.ts';
import { type Failure, fail, type Result } from '../../model/failure.ts';
import { needsOf } from '../../model/graph.ts';
import type { Plan, PlanStep } from '../../model/plan.ts';
import type { RecipeOf } from '../../plan/plan.ts';
import type { Context } from '../run-context.ts';
import { Fetching, recordsBelow } from './sharing.ts';
import { executeStep, type StepDone, secondsSince } from './step.ts';

export interface ScheduleOptions {
  readonly recipeOf: RecipeOf;
  /** How many layers may run at the same time. */
  readonly jobs: number;
  /** A failed layer stops only what needs it. */
  readonly keepGoing: boolean;
  /** Layers whose disks are wanted though others stand on them. */
  readonly wanted: ReadonlySet<string>;
}

export interface Done {
  /** The artifacts of all that ended well, by name. */
  readonly artifacts: ReadonlyMap<string, Artifact>;
  /** Those of them whose artifact was left in the shared cache, since no disk needs it. */
  readonly away: ReadonlySet<string>;
  readonly counts: Readonly<Record<Outcome, number>>;
  /** Those that were no consequence of another, in the order of time. */
  readonly failures: readonly FailedLayer[];
  /** Those that were stopped or not begun because they have to be planned again, see `Steering`. */
  readonly superseded: readonly string[];
}

interface Loss extends FailedLayer {
  readonly skipped: string[];
}

/** When the build could not even begin. */
export function nothingDone(): Done {
  return { artifacts: new Map(), away: new Set(), counts: noCounts(), failures: [], superseded: [] };
}

/** Executes all steps. After a failure running steps are stopped and others skipped, or with `keepGoing` only those that need it. */
export async function runSteps(plan: Plan, options: ScheduleOptions, context: Context): Promise<Done> {
  const stop = new AbortController();
  const own: Context = { ...context, signal: AbortSignal.any([context.signal, stop.signal]) };
  const artifacts = new Map<string, Artifact>();
  const records = new Map<string, BuildRecord>();
  const counts = noCounts();
  /** Those that have no artifact, each with the failed layer that is the cause. */
  const lost = new Map<string, Loss>();
  const failures: Loss[] = [];
  const superseded: Loss = { layer: '', failure: SUPERSEDED, skipped: [] };
  const running = new Map<PlanStep, Promise<void>>();
  /** What runs no script, or no more: it takes nobody's place. */
  const settling = new Map<PlanStep, Promise<void>>();
  const waiting = new Set(byLongestPath(plan));
  const fetching = new Fetching(plan, options.wanted, own);
  let wake = Promise.withResolvers<void>();

  const end = (step: PlanStep, result: Result<StepDone>, startedAt: number) => {
    const layer = step.node.name;
    const seconds = secondsSince(startedAt);
    running.delete(step);
    settling.delete(step);
    if (result.ok) {
      const { record, outcome } = result.value;
      artifacts.set(layer, record.artifact);
      records.set(layer, record);
      counts[outcome]++;
      const { digest, bytes } = record.artifact;
      return context.emit({ type: 'layer-finished', layer, outcome, seconds, bytes, digest });
    }
    // One that was stopped because another failed is no failure of its own.
    if (stop.signal.aborted && result.failure.kind === 'interrupted') {
      return skip(layer, failures[0], seconds);
    }
    if (result.failure.kind === 'interrupted' && context.steering && !own.signal.aborted) {
      return skip(layer, superseded, seconds);
    }
    const loss = { layer, failure: result.failure, skipped: [] };
    lost.set(layer, loss);
    failures.push(loss);
    counts.failed++;
    context.emit({ type: 'layer-finished', layer, outcome: 'failed', seconds, failure: result.failure });
    if (!options.keepGoing || result.failure.kind === 'interrupted') stop.abort();
  };
  const skip = (layer: string, cause: Loss | undefined, seconds = 0) => {
    if (cause) lost.set(layer, cause);
    cause?.skipped.push(layer);
    counts.skipped++;
    context.emit({ type: 'layer-finished', layer, outcome: 'skipped', seconds });
  };
  const start = (step: PlanStep) => {
    const startedAt = performance.now();
    if (fetching.isLeft(step)) return leave(step);
    const settle = () => {
      const ending = running.get(step);
      if (!ending) return;
      running.delete(step);
      settling.set(step, ending);
      wake.resolve();
    };
    const execute = () =>
      executeStep(
        step,
        artifacts,
        {
          recipeOf: options.recipeOf,
          records: () => recordsBelow(step.node, nodes, records),
          isLate: fetching.isLate(step),
          onBuilt: settle,
        },
        own,
      );
    const ended = own.signal.aborted
      ? Promise.resolve(fail('interrupted', 'the build was interrupted'))
      : fetching.arrival(step).then((isHere) => (isHere ? execute() : undefined));
    const ending = ended.then((result) => {
      if (result) return end(step, result, startedAt);
      settling.delete(step);
      again(step);
    });
    (step.action.type === 'run' ? running : settling).set(step, ending);
  };
  /** What only those looked into that do not run is known by its digest, and not fetched. */
  const leave = (step: PlanStep) => {
    if (step.action.type === 'run') return;
    artifacts.set(step.node.name, step.action.record.artifact);
    records.set(step.node.name, step.action.record);
    left.add(step);
  };
  /** A step that has to be decided again, since something did not come: it may have to run, and need what was left. */
  const again = (step: PlanStep) => {
    waiting.add(fetching.late(step));
    for (const other of fetching.want(needsOf(step.node))) {
      if (!left.delete(other)) continue;
      artifacts.delete(other.node.name);
      records.delete(other.node.name);
      waiting.add(other);
    }
  };
  const nodes = plan.map(({ node }) => node);
  const left = new Set<PlanStep>();

  while (waiting.size + running.size + settling.size > 0) {
    for (const step of waiting) {
      const needs = needsOf(step.node);
      const cause = needs.map((name) => lost.get(name)).find(Boolean);
      const hasRoom = step.action.type !== 'run' || running.size < options.jobs;
      if (stop.signal.aborted || cause) {
        waiting.delete(step);
        skip(step.node.name, cause ?? failures[0]);
      } else if (hasRoom && needs.every((name) => artifacts.has(name))) {
        waiting.delete(step);
        if (fetching.isOutdated(step)) again(step);
        else start(step);
      }
    }
    if (running.size + settling.size === 0) continue;
    wake = Promise.withResolvers();
    await Promise.race([wake.promise, ...running.values(), ...settling.values()]);
  }
  await fetching.end();
  for (const step of left) {
    counts.fresh++;
    context.emit({ type: 'layer-finished', layer: step.node.name, outcome: 'fresh', seconds: 0 });
  }
  const away = new Set([...left].map(({ node }) => node.name));
  return { artifacts, away, counts, failures, superseded: superseded.skipped };
}

/** Stands for no failure of a layer: what changed is built by the next plan. */
export const SUPERSEDED: Failure = fail('interrupted', 'the project changed during the build').failure;

/** Those before which most others wait come first; otherwise the order of the plan. */
function byLongestPath(plan: Plan): PlanStep[] {
  const length = new Map<string, number>();
  for (const { node } of plan.toReversed()) {
    const own = length.get(node.name) ?? 1;
    length.set(node.name, own);
    for (const name of needsOf(node)) length.set(name, Math.max(length.get(name) ?? 1, own + 1));
  }
  return plan.toSorted((a, b) => (length.get(b.node.name) ?? 0) - (length.get(a.node.name) ?? 0));
}

function noCounts(): Record<Outcome, number> {
  return { fresh: 0, restored: 0, built: 0, failed: 0, skipped: 0 };
}
