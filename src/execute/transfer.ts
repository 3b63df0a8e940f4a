// Transfers without a build: pushes all of a plan that is built to the shared cache, or fetches all of it that is missing.

import { type BuildRecord, bytesOf } from '../model/artifact.ts';
import { needsOf } from '../model/graph.ts';
import type { Plan, PlanStep } from '../model/plan.ts';
import type { SharedCache } from '../model/ports/shared-cache.ts';
import type { Store } from '../model/ports/store.ts';
import type { PulledLayer, PushedLayer } from '../model/shared-transfer.ts';
import { recordsBelow } from './schedule/dependencies.ts';

/** Pushes all nodes of a plan that need not run, each after those that it depends on. Leases what it pushes. */
export async function pushPlan(
  plan: Plan,
  store: Store,
  shared: SharedCache,
  signal: AbortSignal,
): Promise<readonly PushedLayer[]> {
  const known = plan.flatMap(({ action }) => (action.type === 'run' ? [] : [action.record]));
  const gone = await store.lease(known, signal);
  const nodes = plan.map(({ node }) => node);
  const records = new Map<string, BuildRecord>();
  const pushes = new Map<string, Promise<PushedLayer>>();
  for (const { node, action } of plan) {
    const layer = node.name;
    const push = async (): Promise<PushedLayer> => {
      const below = await Promise.all(needsOf(node).map((name) => pushes.get(name)));
      if (action.type === 'run') return { layer, state: 'not built' };
      const { record } = action;
      const bytes = bytesOf(record.artifact);
      if (gone.includes(record)) return { layer, state: 'not built' };
      if (shared.isAway(record)) return { layer, state: 'there', bytes };
      const isLost = below.some((one) => one?.state === 'failed' || one?.state === 'not built');
      const state = isLost
        ? 'failed'
        : await shared.offer(record, recordsBelow(node, nodes, records), signal);
      return { layer, state, bytes };
    };
    if (action.type !== 'run') records.set(layer, action.record);
    pushes.set(layer, push());
  }
  return Promise.all(pushes.values());
}

/**
 * Fetches all of a plan that is only in the shared cache, and leases all of it. Also layers that are only mounted by others: a
 * build without the shared cache would have to run them otherwise.
 */
export async function pullPlan(
  plan: Plan,
  store: Store,
  shared: SharedCache,
  signal: AbortSignal,
): Promise<readonly PulledLayer[]> {
  const isHere = ({ action }: PlanStep) => action.type !== 'run' && !shared.isAway(action.record);
  const here = plan.filter(isHere);
  const records = plan.flatMap(({ action }) => (action.type === 'run' ? [] : [action.record]));
  const gone = await store.lease(records, signal);
  return Promise.all(
    plan.map(async (step): Promise<PulledLayer> => {
      const { node, action } = step;
      const layer = node.name;
      if (action.type === 'run') return { layer, state: 'not built', reason: action.reason };
      const bytes = bytesOf(action.record.artifact);
      if (gone.includes(action.record)) return { layer, state: 'not built', reason: 'artifact lost' };
      if (here.includes(step)) return { layer, state: 'here', bytes };
      const came = await shared.fetch(action.record, signal);
      return { layer, state: came ? 'fetched' : 'failed', bytes };
    }),
  );
}
