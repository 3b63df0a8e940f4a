// The schedule of a build as a pure machine: an event leads to another schedule and to effects, which loop.ts performs.
//
//                 ┌──────▶ not fetched
//                 │             │ needed after all
//                 │◀────────────┘
//    waiting ─────┼──────▶ fetching ──fetched──▶ recording ──finished──▶ done
//       ▲         │             │ not fetched: decided again             ▲
//       │◀────────┼─────────────┘                                        │
//       │         └──────▶ running ──built──▶ sharing ──finished─────────┘
//       │                     ├──finished, where it was found or nothing is shared
//       └──released── claimed ◀─┘ another machine builds the same; superseded: skipped
//
// A waiting node is skipped when the build is stopped or a node that it depends on has failed; each state from which `finished`
// leads to `done` can lead to `failed` or `skipped` as well. Nodes in the shared cache are fetched ahead, while they wait.

import { type BuildRecord, bytesOf, mainDisk } from '../../model/artifact.ts';
import type { FailedLayer, LayerFinished } from '../../model/event.ts';
import { needsOf } from '../../model/graph.ts';
import type { Action, Plan } from '../../model/plan.ts';
import { longestPathsFirst, neededNodes } from './dependencies.ts';
import type {
  Cause,
  Effect,
  EventOf,
  NodeState,
  Schedule,
  ScheduledNode,
  ScheduleEvent,
  ScheduleLimits,
  Transition,
} from './schedule.ts';

/**
 * The schedule of a plan, with the artifacts to fetch ahead as effects.
 * @param wanted the layers of named images
 * @param isShared whether an artifact is only in the shared cache
 */
export function begin(
  plan: Plan,
  wanted: ReadonlySet<string>,
  limits: ScheduleLimits,
  isShared: (record: BuildRecord) => boolean,
): Transition {
  const shared = plan.map(({ action }) => action.type !== 'run' && isShared(action.record));
  const needed = shared.includes(true) ? neededNodes(plan, wanted) : new Set<string>();
  const positions = new Map(plan.map(({ node }, position) => [node.name, position]));
  const draft: Draft = {
    nodes: plan.map((step, position) => ({
      step,
      needs: needsOf(step.node).flatMap((name) => positions.get(name) ?? []),
      state: 'waiting',
      artifact: shared[position] ? 'shared' : 'here',
      isNeeded: needed.has(step.node.name),
      isReplanned: false,
      isResumed: false,
      startedAt: 0,
    })),
    positions,
    queue: longestPathsFirst(plan),
    isStopped: false,
    failures: [],
    superseded: [],
    limits,
    effects: [],
    now: 0,
  };
  for (const [position, { artifact, isNeeded }] of draft.nodes.entries()) {
    if (artifact === 'shared' && isNeeded) fetch(draft, position);
  }
  return transition(draft);
}

/**
 * The transition of a schedule by an event. An event that does not fit the state of its node changes nothing.
 * @param now the time, milliseconds of any clock
 */
export function next(schedule: Schedule, event: ScheduleEvent, now: number): Transition {
  const draft: Draft = {
    ...schedule,
    nodes: [...schedule.nodes],
    queue: [...schedule.queue],
    effects: [],
    now,
  };
  if (event.type === 'proceed') {
    proceed(draft);
    return transition(draft);
  }
  const position = draft.positions.get(event.layer);
  const node = position === undefined ? undefined : draft.nodes[position];
  if (position === undefined || !node) return { schedule, effects: [] };
  const isExecuted = node.state === 'running' || node.state === 'sharing' || node.state === 'recording';
  if (event.type === 'fetched') {
    if (node.artifact === 'arriving') afterFetch(draft, position, event.ok);
  } else if (event.type === 'built') {
    if (node.state === 'running') update(draft, position, { state: 'sharing' });
  } else if (event.type === 'claimed') {
    if (node.state === 'running') awaitOther(draft, position, event);
  } else if (event.type === 'released') {
    if (node.state === 'claimed') decideAgain(draft, position, { isResumed: true });
  } else if (isExecuted || (node.state === 'claimed' && event.type === 'superseded')) {
    afterExecution(draft, position, event);
  }
  return transition(draft);
}

/** Whether nothing remains to be done. */
export function isOver({ nodes }: Schedule): boolean {
  return nodes.every(({ state }) => isFinal(state));
}

/** Whether an effect that some node waits for has not ended. */
export function isUnderWay({ nodes }: Schedule): boolean {
  return nodes.some(({ state }) => state !== 'waiting' && !isFinal(state));
}

function isFinal(state: NodeState): boolean {
  return state === 'done' || state === 'not fetched' || state === 'failed' || state === 'skipped';
}

/** A schedule in the course of a transition. */
interface Draft extends Schedule {
  readonly nodes: ScheduledNode[];
  queue: number[];
  isStopped: boolean;
  failures: readonly FailedLayer[];
  superseded: readonly string[];
  readonly effects: Effect[];
  readonly now: number;
}

function transition({ effects, now: _now, ...schedule }: Draft): Transition {
  return { schedule, effects };
}

function update(draft: Draft, position: number, change: Partial<ScheduledNode>): void {
  const node = draft.nodes[position];
  if (node) draft.nodes[position] = { ...node, ...change };
}

/** Considers each waiting node once. Those that begin to wait in the meantime are considered last. */
function proceed(draft: Draft): void {
  const still: number[] = [];
  let running = draft.nodes.filter(({ state }) => state === 'running').length;
  for (let index = 0; index < draft.queue.length; index++) {
    const position = draft.queue[index] ?? 0;
    const { nodes } = draft;
    const node = nodes[position];
    if (!node) continue;
    const outlook = outlookOf(node, nodes);
    const hasRoom = node.step.action.type !== 'run' || running < draft.limits.jobs;
    if (typeof outlook === 'object') skip(draft, position, outlook.cause, 0);
    else if (draft.isStopped) skip(draft, position, 0, 0);
    else if (hasRoom && outlook === 'ready') {
      if (node.step.action.type === 'run') running++;
      start(draft, position, node, dependenciesOf(draft, node));
    } else still.push(position);
  }
  draft.queue = still;
}

/** What a node's dependencies allow. A plain loop, since this runs for each waiting node after each event. */
function outlookOf(
  { needs }: ScheduledNode,
  nodes: readonly ScheduledNode[],
): 'ready' | 'waiting' | { readonly cause: Cause } {
  let outlook: 'ready' | 'waiting' = 'ready';
  for (const need of needs) {
    const { state, cause } = nodes[need] ?? {};
    if (cause !== undefined) return { cause };
    if (state !== 'done' && state !== 'not fetched') outlook = 'waiting';
  }
  return outlook;
}

/** The nodes that a node depends on directly. */
export function dependenciesOf({ nodes }: Schedule, { needs }: ScheduledNode): readonly ScheduledNode[] {
  return needs.flatMap((position) => nodes[position] ?? []);
}

function start(draft: Draft, position: number, node: ScheduledNode, needs: readonly ScheduledNode[]): void {
  const { step, artifact, isNeeded } = node;
  update(draft, position, { startedAt: draft.now });
  if (step.action.type === 'run') execute(draft, position, 'running');
  // What the plan found may not match what a node that it depends on has become.
  else if (artifact === 'lost' || needs.some(({ isReplanned }) => isReplanned)) decideAgain(draft, position);
  else if (artifact === 'here') execute(draft, position, 'recording');
  else if (artifact === 'shared' && !isNeeded)
    update(draft, position, { state: 'not fetched', record: step.action.record });
  else {
    update(draft, position, { state: 'fetching' });
    if (artifact === 'shared') fetch(draft, position);
  }
}

function execute(draft: Draft, position: number, state: 'running' | 'recording'): void {
  update(draft, position, { state });
  const node = draft.nodes[position];
  if (node) draft.effects.push({ type: 'execute', node });
}

function fetch(draft: Draft, position: number): void {
  update(draft, position, { artifact: 'arriving' });
  const step = draft.nodes[position]?.step;
  if (step && step.action.type !== 'run')
    draft.effects.push({ type: 'fetch', layer: step.node.name, record: step.action.record });
}

function afterFetch(draft: Draft, position: number, ok: boolean): void {
  const isAwaited = draft.nodes[position]?.state === 'fetching';
  update(draft, position, { artifact: ok ? 'here' : 'lost' });
  if (!isAwaited) return;
  if (ok) execute(draft, position, 'recording');
  else decideAgain(draft, position);
}

const LOST: Action = { type: 'run', reason: 'artifact lost', changes: [] };

function awaitOther(draft: Draft, position: number, { layer, key }: EventOf<'claimed'>): void {
  update(draft, position, { state: 'claimed' });
  draft.effects.push({ type: 'await', layer, key });
}

/** Lets a node wait again, as one that has to run unless it is found: then it needs the disks of those that it depends on. */
function decideAgain(draft: Draft, position: number, change: Partial<ScheduledNode> = {}): void {
  const node = draft.nodes[position];
  if (!node) return;
  const step = { ...node.step, action: LOST };
  update(draft, position, { step, state: 'waiting', artifact: 'here', isReplanned: true, ...change });
  draft.queue.push(position);
  const needed = new Set(needsOf(step.node));
  for (const [other, { step: below, isNeeded, state }] of [...draft.nodes.entries()].toReversed()) {
    if (!needed.has(below.node.name) || isNeeded) continue;
    if (below.node.parent !== undefined) needed.add(below.node.parent);
    const isWaiting = state === 'not fetched';
    update(draft, other, { isNeeded: true, ...(isWaiting ? { state: 'waiting', record: undefined } : {}) });
    if (isWaiting) draft.queue.push(other);
  }
}

function afterExecution(
  draft: Draft,
  position: number,
  event: EventOf<'finished' | 'failed' | 'superseded'>,
): void {
  const { layer } = event;
  const seconds = Math.round(draft.now - (draft.nodes[position]?.startedAt ?? 0)) / 1000;
  if (event.type === 'superseded') skip(draft, position, 'superseded', seconds);
  else if (event.type === 'finished') {
    const { record, outcome } = event;
    const [bytes, { digest }] = [bytesOf(record.artifact), mainDisk(record.artifact)];
    update(draft, position, { state: 'done', record, outcome });
    report(draft, { type: 'layer-finished', layer, outcome, seconds, bytes, digest });
  } else if (draft.isStopped && event.failure.kind === 'interrupted') {
    skip(draft, position, 0, seconds); // stopped because another failed
  } else fail(draft, position, event, seconds);
}

function fail(draft: Draft, position: number, { layer, failure }: EventOf<'failed'>, seconds: number): void {
  update(draft, position, { state: 'failed', outcome: 'failed', cause: draft.failures.length });
  draft.failures = [...draft.failures, { layer, failure, skipped: [] }];
  report(draft, { type: 'layer-finished', layer, outcome: 'failed', seconds, failure });
  if (draft.limits.keepGoing && failure.kind !== 'interrupted') return;
  draft.isStopped = true;
  draft.effects.push({ type: 'stop' });
}

function skip(draft: Draft, position: number, cause: Cause, seconds: number): void {
  const layer = draft.nodes[position]?.step.node.name ?? '';
  update(draft, position, { state: 'skipped', outcome: 'skipped', cause });
  if (cause === 'superseded') draft.superseded = [...draft.superseded, layer];
  draft.failures = draft.failures.map((one, index) =>
    index === cause ? { ...one, skipped: [...one.skipped, layer] } : one,
  );
  report(draft, { type: 'layer-finished', layer, outcome: 'skipped', seconds });
}

function report(draft: Draft, event: LayerFinished): void {
  draft.effects.push({ type: 'report', event });
}
