// Pushing to the shared cache and pulling from it, without a build.

import path from 'node:path';
import { pullPlan, pushPlan } from '../execute/transfer.ts';
import { type Failure, fail, ok, type Result } from '../model/failure.ts';
import type { Plan } from '../model/plan.ts';
import type {
  SharedAccess,
  SharedCache,
  SharedCacheConfig,
  SharedTally,
} from '../model/ports/shared-cache.ts';
import type { Store } from '../model/ports/store.ts';
import type { PulledLayer, PushedLayer } from '../model/shared-transfer.ts';
import { CONFIG_FILE } from '../project/config/config.ts';
import { planProject } from './planning.ts';
import { NO_ACCESS, type Selection, type Watchers } from './request.ts';
import type { Workspace } from './workspace.ts';

export interface ShareRequest extends Pick<Selection, 'targets' | 'params'>, Watchers {
  /** How the shared cache may be used at most. */
  readonly remote: SharedAccess;
  /** Called when something is about to be transferred: from here on, cancel by the signal. */
  readonly onStart?: () => void;
}

export interface Shared<Layer> {
  readonly layers: readonly Layer[];
  readonly shared: SharedTally | undefined;
  /** Whether everything was transferred that should have been, as far as is known. */
  readonly isWhole: boolean;
}

/** Pushes what is built. Fails as `usage` when the project has no shared cache that may be written to. */
export async function push(
  workspace: Workspace,
  request: ShareRequest,
): Promise<Result<Shared<PushedLayer>>> {
  if (request.remote === 'r') return readOnly('push');
  return share(workspace, request, 'rw', pushPlan);
}

/** Pulls what the plan can use. Fails as `usage` when the project has no shared cache. */
export async function pull(
  workspace: Workspace,
  request: ShareRequest,
): Promise<Result<Shared<PulledLayer>>> {
  return share(workspace, request, 'r', async (plan, store, shared, signal) => {
    const layers = await pullPlan(plan, store, shared, signal);
    if (layers.some(({ state }) => state === 'fetched')) await store.evict(signal);
    return layers;
  });
}

/** The shared cache that vlb.yaml names. Fails as `usage` when there is none, or it is turned off. */
export function usableCache(
  { shared }: { readonly shared?: SharedCacheConfig | undefined },
  directory: string,
  remote: SharedAccess,
): Result<SharedCacheConfig> {
  if (!shared) {
    return fail('usage', 'the project has no shared cache', {
      where: { file: path.join(directory, CONFIG_FILE) },
      hint: 'add cache:, below it s3:, and below that bucket: NAME',
    });
  }
  if (remote !== 'off') return ok(shared);
  return fail('usage', 'the shared cache is turned off', { hint: 'see --cache and VLB_CACHE' });
}

/** The failure of a command that would write to a shared cache which may only be read. */
export function readOnly(command: string): { readonly ok: false; readonly failure: Failure } {
  return fail('usage', `vlb store ${command} writes to the shared cache, which is read-only here`, {
    hint: 'see --cache and VLB_CACHE',
  });
}

type Transfer<Layer> = (
  plan: Plan,
  store: Store,
  shared: SharedCache,
  signal: AbortSignal,
) => Promise<readonly Layer[]>;

/** Plans a build, and transfers what the plan needs. */
async function share<Layer extends { readonly state: string }>(
  workspace: Workspace,
  request: ShareRequest,
  remote: SharedAccess,
  transfer: Transfer<Layer>,
): Promise<Result<Shared<Layer>>> {
  const project = await workspace.load();
  if (!project.ok) return project;
  const usable = usableCache(project.value, workspace.directory, request.remote);
  if (!usable.ok) return usable;
  const { signal } = request;
  request.onStart?.();
  const planned = await planProject(workspace, project.value, {
    ...NO_ACCESS,
    ...request,
    remote,
    flushFetched: true,
    force: [],
  });
  if (!planned.ok) return planned;
  const { plan, context } = planned.value;
  const { store } = context;
  using _lease = { [Symbol.dispose]: () => store.release() };
  const { shared } = store;
  if (!shared) throw new Error('a project with a shared cache has a store without one');
  const layers = await transfer(plan, store, shared, signal);
  if (signal.aborted) return fail('interrupted', 'interrupted');
  const isWhole = layers.every(({ state }) => state !== 'failed') && (await shared.hasAnswered());
  return signal.aborted
    ? fail('interrupted', 'interrupted')
    : ok({ layers, shared: shared.tally(), isWhole });
}
