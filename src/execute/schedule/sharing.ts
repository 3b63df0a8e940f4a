// What a build has of the shared cache: what it needs from there is fetched while layers run, what it built is offered.

import type { BuildRecord } from '../../model/artifact.ts';
import { type Node, needsOf } from '../../model/graph.ts';
import type { Plan, PlanStep } from '../../model/plan.ts';
import type { Context } from '../run-context.ts';

/**
 * The nodes whose disks a build has need of, by name: those that are wanted for themselves, what their disks stand on, and
 * what layers that run look into. A layer that others only looked into, when they were built, is not among them.
 * @param wanted the layers of named images
 */
export function neededNodes(plan: Plan, wanted: ReadonlySet<string>): Set<string> {
  const isNeededByAny = new Set(plan.flatMap(({ node }) => needsOf(node)));
  const needed = new Set(wanted);
  for (const { node, action } of plan.toReversed()) {
    if (!isNeededByAny.has(node.name)) needed.add(node.name);
    if (action.type === 'run') for (const name of needsOf(node)) needed.add(name);
    else if (needed.has(node.name) && node.type === 'layer' && node.parent !== undefined)
      needed.add(node.parent);
  }
  return needed;
}

/**
 * What a build fetches: all that it needs and that is away comes from the beginning on, while layers run. What does not come
 * has to be built, and what stands on that be decided anew.
 */
export class Fetching {
  readonly #plan: Plan;
  readonly #context: Context;
  readonly #needed: Set<string>;
  readonly #arrivals = new Map<string, Promise<boolean>>();
  readonly #underWay = new Set<Promise<boolean>>();
  readonly #stop = new AbortController();
  /** Those that have to be decided again, though the plan had found them. */
  readonly #late = new Set<string>();

  constructor(plan: Plan, wanted: ReadonlySet<string>, context: Context) {
    this.#plan = plan;
    this.#context = context;
    const isAnyAway = plan.some((step) => this.#isAway(step));
    this.#needed = isAnyAway ? neededNodes(plan, wanted) : new Set();
    for (const step of plan) if (this.#needed.has(step.node.name)) void this.arrival(step);
  }

  /** Whether a step's artifact stays where it is, since no disk needs it. */
  isLeft(step: PlanStep): boolean {
    return this.#isAway(step) && !this.#needed.has(step.node.name);
  }

  /** Whether the artifact of a step that does not run is here, once it is; false when it could not be had. */
  arrival({ node, action }: PlanStep): Promise<boolean> {
    const { store } = this.#context;
    const signal = AbortSignal.any([this.#context.signal, this.#stop.signal]);
    if (action.type === 'run' || !store.shared?.isAway(action.record)) {
      return this.#arrivals.get(node.name) ?? Promise.resolve(true);
    }
    const known = this.#arrivals.get(node.name);
    if (known) return known;
    const arrival = store.shared.fetch(action.record, signal);
    this.#underWay.add(arrival);
    arrival.finally(() => this.#underWay.delete(arrival)).catch(() => {}); // told to whoever waits for it
    this.#arrivals.set(node.name, arrival);
    return arrival;
  }

  /** Calls off what is still coming though nobody waits for it any more, since something that it stands on did not come. */
  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#underWay);
  }

  /** The step as one that has to run, unless something is found when it is decided. */
  late(step: PlanStep): PlanStep {
    this.#late.add(step.node.name);
    this.#arrivals.delete(step.node.name);
    return { ...step, action: { type: 'run', reason: 'artifact lost', changes: [] } };
  }

  isLate({ node }: PlanStep): boolean {
    return this.#late.has(node.name);
  }

  /** Whether what a step was decided by is another one by now, or may be. */
  isOutdated({ node, action }: PlanStep): boolean {
    return action.type !== 'run' && needsOf(node).some((name) => this.#late.has(name));
  }

  /** Notes that these are needed after all, with what they stand on. Returns the steps of those that were not before. */
  want(names: readonly string[]): readonly PlanStep[] {
    const wanted = new Set(names);
    return this.#plan.toReversed().filter(({ node }) => {
      if (!wanted.has(node.name) || this.#needed.has(node.name)) return false;
      this.#needed.add(node.name);
      if (node.type === 'layer' && node.parent !== undefined) wanted.add(node.parent);
      return true;
    });
  }

  #isAway({ action }: PlanStep): boolean {
    return action.type !== 'run' && this.#context.store.shared?.isAway(action.record) === true;
  }
}

/** The records of everything that a node needs, and what that needs, lowest first. */
export function recordsBelow(
  node: Node,
  nodes: readonly Node[],
  records: ReadonlyMap<string, BuildRecord>,
): readonly BuildRecord[] {
  const below = new Set(needsOf(node));
  for (const other of nodes.toReversed()) {
    if (below.has(other.name)) for (const name of needsOf(other)) below.add(name);
  }
  return nodes.flatMap(({ name }) => (below.has(name) ? (records.get(name) ?? []) : []));
}
