// Executes the steps of a plan: performs the effects of the state machine in state.ts, and feeds it events.

import type { Artifact, BuildRecord } from '../../model/artifact.ts';
import type { FailedLayer, Outcome } from '../../model/event.ts';
import { type Failure, fail } from '../../model/failure.ts';
import type { Plan } from '../../model/plan.ts';
import type { RecipeOf } from '../../plan/plan.ts';
import type { Context } from '../run-context.ts';
import { recordsBelow } from './dependencies.ts';
import type { Effect, Schedule, ScheduledNode, ScheduleEvent, ScheduleLimits } from './schedule.ts';
import { begin, dependenciesOf, isOver, isUnderWay, next } from './state.ts';
import { executeStep } from './step.ts';

export interface ScheduleOptions extends ScheduleLimits {
  readonly recipeOf: RecipeOf;
  /** Layers whose disks are needed even where other layers depend on them. */
  readonly wanted: ReadonlySet<string>;
}

export interface Done {
  /** The artifacts of all nodes that succeeded, by name. */
  readonly artifacts: ReadonlyMap<string, Artifact>;
  /** Those of them whose artifact stayed in the shared cache, since no disk needs it. */
  readonly notFetched: ReadonlySet<string>;
  readonly counts: Readonly<Record<Outcome, number>>;
  /** Failures that were not caused by another, in the order of time. */
  readonly failures: readonly FailedLayer[];
  /** Those that were stopped or not begun because they must be planned again, see `Steering`. */
  readonly superseded: readonly string[];
}

/** The failure of a build whose only failures are superseded layers: the next plan builds them. */
export const SUPERSEDED: Failure = fail('interrupted', 'the project changed during the build').failure;

const INTERRUPTED: Failure = fail('interrupted', 'the build was interrupted').failure;

/** The result of a build that could not begin. */
export function nothingDone(): Done {
  return doneOf([], { failures: [], superseded: [] });
}

/** Executes all steps. After a failure it stops running steps and skips others; with `keepGoing`, only those that depend on it. */
export async function runSteps(plan: Plan, options: ScheduleOptions, context: Context): Promise<Done> {
  const { shared } = context.store;
  const stop = new AbortController();
  const stopFetching = new AbortController();
  const own: Context = { ...context, signal: AbortSignal.any([context.signal, stop.signal]) };
  const fetches = new Set<Promise<unknown>>();
  let wake = Promise.withResolvers<void>();

  const dispatch = (event: ScheduleEvent) => {
    const { schedule: changed, effects } = next(schedule, event, performance.now());
    schedule = changed;
    for (const effect of effects) perform(effect);
    if (event.type !== 'proceed') wake.resolve();
  };
  /** An unexpected error ends the build. */
  const feed = (work: Promise<ScheduleEvent>) =>
    work.then(dispatch).catch((error: unknown) => wake.reject(error));
  const perform = (effect: Effect) => {
    switch (effect.type) {
      case 'report':
        return context.emit(effect.event);
      case 'stop':
        return stop.abort();
      case 'fetch': {
        const signal = AbortSignal.any([own.signal, stopFetching.signal]);
        const fetched = (shared?.fetch(effect.record, signal) ?? Promise.resolve(false)).then(
          (ok): ScheduleEvent => ({ type: 'fetched', layer: effect.layer, ok }),
        );
        fetches.add(fetched);
        return void feed(fetched.finally(() => fetches.delete(fetched)));
      }
      case 'await': {
        const { layer, key } = effect;
        const { superseded } = context.steering ?? {};
        const signal = superseded ? AbortSignal.any([own.signal, superseded]) : own.signal;
        const released = shared?.awaitClaim(key, signal) ?? Promise.resolve();
        return void feed(
          released.then(
            (): ScheduleEvent => ({ type: superseded?.aborted ? 'superseded' : 'released', layer }),
          ),
        );
      }
      case 'execute':
        return void feed(Promise.resolve(effect.node).then(execute));
    }
  };
  const execute = async (scheduled: ScheduledNode): Promise<ScheduleEvent> => {
    const { step, isReplanned } = scheduled;
    const layer = step.node.name;
    if (own.signal.aborted) return { type: 'failed', layer, failure: INTERRUPTED };
    const result = await executeStep(
      step,
      artifactsOf(dependenciesOf(schedule, scheduled)),
      {
        recipeOf: options.recipeOf,
        records: () => recordsBelow(step.node, nodes, recordsOf(schedule.nodes)),
        needsPreflight: isReplanned,
        isResumed: scheduled.isResumed,
        onBuilt: () => dispatch({ type: 'built', layer }),
      },
      own,
    );
    if (result.ok) {
      const done = result.value;
      return 'claimed' in done
        ? { type: 'claimed', layer, key: done.claimed }
        : { type: 'finished', layer, ...done };
    }
    const { failure } = result;
    const isSuperseded = failure.kind === 'interrupted' && context.steering && !own.signal.aborted;
    return isSuperseded ? { type: 'superseded', layer } : { type: 'failed', layer, failure };
  };

  const nodes = plan.map(({ node }) => node);
  const beginning = begin(plan, options.wanted, options, (record) => shared?.isAway(record) === true);
  let { schedule } = beginning;
  for (const effect of beginning.effects) perform(effect);
  while (!isOver(schedule)) {
    wake = Promise.withResolvers();
    dispatch({ type: 'proceed' });
    if (isUnderWay(schedule)) await wake.promise;
  }
  wake.promise.catch(() => {}); // nobody waits for it any more
  // What was fetched ahead for nodes that were skipped.
  stopFetching.abort();
  await Promise.allSettled(fetches);
  return finish(schedule, context);
}

/** Reports the nodes that stay in the shared cache: only now is it certain that no other needs them. */
function finish({ nodes, failures, superseded }: Schedule, { emit }: Context): Done {
  for (const { step, state } of nodes) {
    if (state !== 'not fetched') continue;
    emit({ type: 'layer-finished', layer: step.node.name, outcome: 'fresh', seconds: 0 });
  }
  return doneOf(nodes, { failures, superseded });
}

function doneOf(nodes: readonly ScheduledNode[], ended: Pick<Done, 'failures' | 'superseded'>): Done {
  const counts = { fresh: 0, restored: 0, built: 0, failed: 0, skipped: 0 };
  for (const { outcome = 'fresh' } of nodes) counts[outcome]++;
  const notFetched = nodes.filter(({ state }) => state === 'not fetched').map(({ step }) => step.node.name);
  return { artifacts: artifactsOf(nodes), notFetched: new Set(notFetched), counts, ...ended };
}

function artifactsOf(nodes: readonly ScheduledNode[]): Map<string, Artifact> {
  return new Map([...recordsOf(nodes)].map(([name, { artifact }]) => [name, artifact]));
}

function recordsOf(nodes: readonly ScheduledNode[]): Map<string, BuildRecord> {
  return new Map(nodes.flatMap(({ step, record }) => (record ? [[step.node.name, record] as const] : [])));
}
