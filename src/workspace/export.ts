// Exports: the layers of machines are built, then each machine is written in the formats that are wanted.

import path from 'node:path';
import { type ExportRun, type ExportTask, reasonFor, writeExport } from '../execute/export/export-machine.ts';
import { exportedBytes } from '../execute/export/fresh.ts';
import { runAfter, runBefore } from '../execute/export/hooks.ts';
import type { Known } from '../execute/export/lineage.ts';
import { taskOf, type Wish } from '../execute/export/task.ts';
import type { BuildEvent, ExportedDirectory, Finished } from '../model/event.ts';
import { type Failure, fail, failAt, ok, type Result } from '../model/failure.ts';
import { knownArtifacts } from '../plan/decide.ts';
import type { Project } from '../project/project.ts';
import { ownerText } from '../util/owner-text.ts';
import { type Built, buildLeased } from './build.ts';
import {
  checkWishes,
  type ExportRequest,
  imagesOf,
  layersOf,
  outputOf,
  runOf,
  wishesOf,
} from './export-plan.ts';
import { planProject } from './planning.ts';
import { NO_ACCESS } from './request.ts';
import type { Workspace } from './workspace.ts';

/**
 * Exports. Fails only when nothing was begun; afterwards the events, and what is returned, say what failed.
 * @param use does something with the exports when all are there, before what they were made from may be removed
 */
export async function exportMachines(
  workspace: Workspace,
  request: ExportRequest,
  use?: UseExports,
): Promise<Result<Finished>> {
  const project = await workspace.load();
  if (!project.ok) return project;
  const wishes = wishesOf(request, project.value);
  if (!wishes.ok) return wishes;
  const possible = await checkWishes(workspace, wishes.value);
  if (!possible.ok) return possible;
  const ready = await readyFor(workspace, project.value, wishes.value, request);
  if (!ready.ok) return ready;
  using lease = ready.value;
  const { finished: built } = lease;
  const finished =
    built?.ok === false ? built : await exportAll(workspace, wishes.value, lease, request, use);
  request.emit(finished);
  return ok(finished);
}

type UseExports = (
  exported: readonly ExportTask[],
  run: ExportRun,
) => Promise<Result<Pick<Finished, 'published'>>>;

/** What a build left, as far as exports read it. */
export type Ready = Known & Omit<Built, 'finished'> & { readonly finished?: Finished };

/** Builds the layers that are wanted, or finds them built, and leases their artifacts. The event `finished` is left to the caller. */
export function readyFor(
  workspace: Workspace,
  project: Project,
  wishes: readonly Wish[],
  request: Omit<ExportRequest, 'names' | 'formats' | 'output' | 'force'>,
): Promise<Result<Ready>> {
  const targets = layersOf(wishes);
  if (!request.build) return foundLeased(workspace, project, targets, request);
  return buildLeased(workspace, {
    ...request,
    targets,
    checked: imagesOf(wishes),
    kept: new Set(targets),
    force: [],
    flatten: false,
    emit: (event: BuildEvent) => (event.type === 'finished' ? undefined : request.emit(event)),
  });
}

/** What is built already. Fails as `usage` when a layer is not. */
async function foundLeased(
  workspace: Workspace,
  project: Project,
  targets: readonly string[],
  request: Omit<ExportRequest, 'names' | 'formats' | 'output' | 'force'>,
): Promise<Result<Ready>> {
  const planned = await planProject(workspace, project, {
    ...NO_ACCESS,
    ...request,
    remote: 'off',
    targets,
    force: [],
  });
  if (!planned.ok) return planned;
  const { plan, context } = planned.value;
  const missing = plan.find(({ action }) => action.type === 'run')?.node.name;
  const records = plan.flatMap(({ action }) => (action.type === 'run' ? [] : [action.record]));
  request.onStart?.();
  const gone = missing === undefined ? await context.store.lease(records, request.signal) : [];
  const absent = missing ?? gone[0]?.layer;
  if (absent === undefined) {
    const release = () => context.store.release();
    return ok({ ...planned.value, artifacts: knownArtifacts(plan), [Symbol.dispose]: release });
  }
  context.store.release();
  return fail('usage', `${absent} is not built`, {
    hint: 'leave out --no-build, and it is built first',
  });
}

async function exportAll(
  workspace: Workspace,
  wishes: readonly Wish[],
  ready: Ready,
  request: ExportRequest,
  use: UseExports | undefined,
): Promise<Finished> {
  const exporters = await workspace.parts.exporters(ready.context.host);
  await using run = runOf(workspace, request, ready.context.host);
  const exports: ExportedDirectory[] = [];
  const exported: ExportTask[] = [];
  let failure: Failure | undefined;
  for (const wish of wishes) {
    const task = taskOf(wish, ready, exporters, outputOf(workspace, request), wishes);
    const done = await exportOne(task, workspace, run, request);
    if (done.ok) {
      exported.push(task);
      exports.push({
        machine: task.machine.name,
        format: task.order.format,
        directory: path.relative(workspace.parts.environment.directory, task.target.directory),
        bytes: done.value,
      });
      continue;
    }
    failure ??= done.failure;
    if (!request.keepGoing || request.signal.aborted) break;
  }
  const used = failure === undefined ? await use?.(exported, run) : undefined;
  if (used?.ok === false) ({ failure } = used);
  const { image: _image, bytes: _bytes, images: _images, ...finished } = ready.finished ?? NOTHING_BUILT;
  return {
    ...finished,
    ok: failure === undefined,
    seconds: performance.now() / 1000,
    ...(exports.length > 0 ? { exports } : {}),
    ...(used?.ok ? used.value : {}),
    ...(failure ? { failure } : {}),
  };
}

export const NOTHING_BUILT: Finished = {
  type: 'finished',
  ok: true,
  counts: { fresh: 0, restored: 0, built: 0, failed: 0, skipped: 0 },
  seconds: 0,
  failures: [],
};

/** Exports one machine to one format, unless that is fresh. Returns the size of its files. */
export async function exportOne(
  task: ExportTask,
  { parts }: Workspace,
  run: ExportRun,
  { emit, signal, force }: Pick<ExportRequest, 'emit' | 'signal' | 'force'>,
): Promise<Result<number>> {
  const about = { machine: task.machine.name, format: task.order.format };
  const startedAt = performance.now();
  const ended = <T>(outcome: 'fresh' | 'written' | 'failed', result: Result<T>): Result<T> => {
    const seconds = (performance.now() - startedAt) / 1000;
    emit({
      type: 'export-finished',
      ...about,
      outcome,
      seconds,
      ...(result.ok ? {} : { failure: result.failure }),
    });
    return result;
  };
  const lockFile = `${task.target.note}.lock`;
  const onWait = (owner: string) =>
    emit({
      type: 'note',
      message: `waiting for ${ownerText(owner, parts.owner)}, which exports ${about.machine} to ${about.format}`,
    });
  try {
    using lock = await parts.lock(lockFile, onWait, signal);
    if (!lock) return ended('failed', fail('interrupted', 'interrupted while waiting for another export'));
    const reason = force ? 'forced' : await reasonFor(task, run);
    if (reason === undefined) return ended('fresh', ok(exportedBytes(task.target)));
    emit({ type: 'export-started', ...about });
    if (reason !== 'its command failed') {
      const begun = await runBefore(task, run);
      const written = begun.ok ? await writeExport(task, run) : begun;
      if (!written.ok) return ended('failed', written);
    }
    const after = await runAfter(task, run);
    return after.ok ? ended('written', ok(exportedBytes(task.target))) : ended('failed', after);
  } catch (error) {
    return ended('failed', failAt(lockFile, 'cannot lock the export', error));
  }
}
