// A build: lock, plan, execute.

import { type Executed, type ExecuteOptions, execute, type Planned } from '../execute/execute.ts';
import type { Emit, Finished } from '../model/event.ts';
import { type Failure, ok, type Result } from '../model/failure.ts';
import { leavesOf } from '../plan/graph.ts';
import { sharedIdentities } from '../plan/identity.ts';
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

/** A build that ended, and the artifacts that it made or found: they are leased until it is disposed of. */
export interface Built extends Disposable, Planned, Executed {}

/** Builds. Fails only when nothing was begun; afterwards the events, and what is returned, say what failed. */
export async function build(workspace: Workspace, request: BuildRequest): Promise<Result<Finished>> {
  const built = await buildLeased(workspace, request);
  if (!built.ok) return built;
  using ended = built.value;
  return ok(ended.finished);
}

/**
 * The same, for a caller that reads artifacts afterwards. Others may build the project by then.
 * @param request.kept the nodes whose artifacts are read
 */
export async function buildLeased(
  workspace: Workspace,
  request: BuildRequest & { readonly kept?: ReadonlySet<string> },
): Promise<Result<Built>> {
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
  const { plan, context } = planned.value;
  const release = () => context.store.release();
  noteIdentities(planned.value, request.emit);
  request.onStart?.();
  try {
    const executed = await execute(plan, executionOf(request, planned.value), context);
    return ok({ ...planned.value, ...executed, [Symbol.dispose]: release });
  } catch (error) {
    release();
    throw error;
  }
}

/** Once, when it is made: a booted layer changes what should differ from machine to machine. */
function noteIdentities({ plan, images }: Planned, emit: Emit): void {
  const graph = { nodes: plan.map(({ node }) => node) };
  const running = new Set(plan.flatMap(({ node, action }) => (action.type === 'run' ? [node.name] : [])));
  const tops = [...leavesOf(graph).map(({ name }) => name), ...images.values()];
  for (const { top, booted } of sharedIdentities(graph, tops)) {
    if (!running.has(booted)) continue;
    const image = top === booted ? 'it' : `the image of ${top}`;
    const message = `${booted} boots, and ${image} keeps the machine-id, SSH host keys and random seed of that: if it is to be cloned, add a layer with the step sysprep`;
    emit({ type: 'note', message });
  }
}

function executionOf(
  request: BuildRequest & { readonly kept?: ReadonlySet<string> },
  { plan, recipeOf, images, checks, context }: Planned,
): ExecuteOptions {
  const { onFailedDisk } = request;
  return {
    recipeOf,
    images,
    checks,
    complete: request.targets.length === 0,
    jobs: Math.min(request.jobs, request.nbd.length || request.jobs),
    keepGoing: request.keepGoing,
    flatten: request.flatten,
    kept: request.kept,
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
  };
}
