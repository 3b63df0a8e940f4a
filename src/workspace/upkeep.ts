// Checking what a build's result is worth: building a layer again to compare.

import { type Rebuilt, rebuild as rebuildLast } from '../execute/look/rebuild.ts';
import type { Result } from '../model/failure.ts';
import { type PlanRequest, planProject } from './planning.ts';
import type { Workspace } from './workspace.ts';

export interface RebuildRequest extends Omit<PlanRequest, 'targets' | 'force'> {
  /** A layer's name. */
  readonly layer: string;
  /** Called when the layer is about to run: from here on, cancel by the signal. */
  readonly onStart?: () => void;
}

/** Builds a layer again, keeping nothing of it, see `rebuild` of src/execute/look/rebuild.ts. */
export async function rebuild(workspace: Workspace, request: RebuildRequest): Promise<Result<Rebuilt>> {
  const project = await workspace.load();
  if (!project.ok) return project;
  const locked = await workspace.lock(request.emit, request.signal);
  if (!locked.ok) return locked;
  using _lock = locked.value;
  const planned = await planProject(workspace, project.value, {
    ...request,
    targets: [request.layer],
    force: [],
  });
  if (!planned.ok) return planned;
  const { plan, context } = planned.value;
  using _lease = { [Symbol.dispose]: () => context.store.release() };
  request.onStart?.();
  return await rebuildLast(plan, context); // awaited: the lock and the lease last until then
}
