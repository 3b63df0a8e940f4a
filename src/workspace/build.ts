// A build: lock, plan, execute.

import { execute } from '../execute/execute.ts';
import type { Finished } from '../model/event.ts';
import { type Failure, ok, type Result } from '../model/failure.ts';
import { type PlanRequest, planProject } from './planning.ts';
import type { Pace } from './request.ts';
import type { Workspace } from './workspace.ts';

export interface BuildRequest extends PlanRequest, Pace {
  /** Whether build/image.qcow2 becomes one file without a backing file. */
  readonly flatten: boolean;
  /** Called when the plan is made and something is about to change: from here on, cancel by the signal. */
  readonly onStart?: (() => void) | undefined;
  /** Called when all has stopped after a layer failed whose disk was saved, before `finished` is emitted. */
  readonly onFailedDisk?: ((failed: FailedDisk) => Promise<void>) | undefined;
}

export interface FailedDisk {
  readonly layer: string;
  readonly failure: Failure;
  /** Opens a shell on the disk as the script left it, at the terminal that this process has. Returns its exit status. */
  openShell(): Promise<Result<number>>;
}

/** Builds. Fails only when nothing was begun; afterwards the events, and what is returned, say what failed. */
export async function build(workspace: Workspace, request: BuildRequest): Promise<Result<Finished>> {
  // What is wrong with the project is reported before anything of it is written or waited for.
  const project = await workspace.load();
  if (!project.ok) return project;
  const locked = await workspace.lock(request.emit, request.signal);
  if (!locked.ok) return locked;
  using lock = locked.value;
  // Another build that was waited for may have taken its time.
  const current = lock.waited ? await workspace.load() : project;
  if (!current.ok) return current;
  const planned = await planProject(workspace, current.value, request);
  if (!planned.ok) return planned;
  const { plan, recipeOf, images, context } = planned.value;
  using _lease = { [Symbol.dispose]: () => context.store.release() };
  request.onStart?.();
  const { onFailedDisk } = request;
  return ok(
    await execute(
      plan,
      {
        recipeOf,
        images,
        complete: request.targets.length === 0,
        jobs: Math.min(request.jobs, request.nbd.length || request.jobs),
        keepGoing: request.keepGoing,
        flatten: request.flatten,
        ...(onFailedDisk === undefined
          ? {}
          : {
              onFailedDisk: async (node, failure, known) => {
                const { openShell } = await import('../execute/look/shell.ts');
                const shell = { node, plan, state: 'failed', argv: [], hasTerminal: true } as const;
                await onFailedDisk({
                  layer: node.name,
                  failure,
                  openShell: () => openShell(shell, known, context),
                });
              },
            }),
      },
      context,
    ),
  );
}
