// The public API: what the command line does, for programs. docs/api.md describes it.

import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { environmentHere, openWorkspace as open } from './compose.ts';
import type { Environment } from './model/environment.ts';
import type { Finished } from './model/event.ts';
import type { Result } from './model/failure.ts';
import type { Plan } from './model/plan.ts';
import { type BuildRequest, build as buildRequest } from './workspace/build.ts';
import { type PlanRequest, planProject } from './workspace/planning.ts';
import { NO_ACCESS } from './workspace/request.ts';
import type { Workspace, WorkspaceOptions } from './workspace/workspace.ts';

export type { Environment } from './model/environment.ts';
export type { BuildEvent, Emit, Finished, Outcome } from './model/event.ts';
export type { Failure, FailureKind, Result } from './model/failure.ts';
export type { Plan, PlanStep } from './model/plan.ts';
export type { BuildRequest, FailedDisk } from './workspace/build.ts';
export { checkAll, clean } from './workspace/doctor.ts';
export { type FoundLog, findLog, type ShellRequest, shell } from './workspace/look.ts';
export type { PlanRequest } from './workspace/planning.ts';
export type { Access, Pace, Selection, Watchers } from './workspace/request.ts';
export { pull, push, type Shared, type ShareRequest } from './workspace/share.ts';
export type { Workspace, WorkspaceOptions } from './workspace/workspace.ts';

/**
 * Opens a project. Nothing is read or written yet; workspaces of one process share nothing but the store they are given.
 * @param options.directory the project's directory; relative to `environment.directory`
 * @param environment default: that of this process
 */
export function openWorkspace(
  { directory, cacheDirectory }: WorkspaceOptions,
  environment: Environment = environmentHere(),
): Workspace {
  const absolute = (name: string) => path.resolve(environment.directory, name);
  return open(
    {
      directory: absolute(directory),
      cacheDirectory: cacheDirectory === undefined ? undefined : absolute(cacheDirectory),
    },
    environment,
    randomBytes(4).toString('hex'),
  );
}

/** What a build would do, step by step, and why. Fails as `usage` when something in the project is wrong, else as `host`. */
export async function plan(workspace: Workspace, request: Partial<PlanRequest> = {}): Promise<Result<Plan>> {
  const project = await workspace.load();
  if (!project.ok) return project;
  const planned = await planProject(workspace, project.value, { ...LOOKING, ...request });
  return planned.ok ? { ok: true, value: planned.value.plan } : planned;
}

/**
 * Builds what is not built, as `vlb build` does. Fails only when nothing was begun; once the build runs, what failed is in
 * the events and in what is returned.
 */
export function build(workspace: Workspace, request: Partial<BuildRequest> = {}): Promise<Result<Finished>> {
  return buildRequest(workspace, {
    ...LOOKING,
    remote: 'rw',
    jobs: availableParallelism(),
    keepGoing: false,
    flatten: false,
    ...request,
  });
}

const LOOKING: PlanRequest = {
  ...NO_ACCESS,
  targets: [],
  params: [],
  force: [],
  emit: () => {},
  signal: new AbortController().signal, // never aborted
};
