// The commands of the project that run before an export is written, and after: to compress, upload or notify.

import { type Failure, ok, type Result } from '../../model/failure.ts';
import type { ExportRun, ExportTask } from './export-machine.ts';
import { noteFinished } from './fresh.ts';

/** Fails as `work` with the command, its exit status and its last lines. */
export async function runBefore(task: ExportTask, run: ExportRun): Promise<Result<void>> {
  return runHook('before', task, run);
}

/** The same. While it has not succeeded, the export is not fresh. */
export async function runAfter(task: ExportTask, run: ExportRun): Promise<Result<void>> {
  const done = await runHook('after', task, run);
  if (done.ok && task.order.after !== undefined) noteFinished(task.target);
  return done;
}

async function runHook(
  when: 'before' | 'after',
  { machine, order, target }: ExportTask,
  run: ExportRun,
): Promise<Result<void>> {
  const line = order[when];
  if (line === undefined) return ok();
  const done = await run.command(line, {
    VLB_EXPORT_MACHINE: machine.name,
    VLB_EXPORT_FORMAT: order.format,
    VLB_EXPORT_DIRECTORY: target.directory,
  });
  return done.ok ? done : { ok: false, failure: hookFailure(when, line, done.failure, order.where) };
}

function hookFailure(when: string, line: string, failure: Failure, where: Failure['where']): Failure {
  if (failure.kind === 'interrupted') return failure;
  const { message, detail = [] } = failure;
  return {
    kind: 'work',
    message: `the command ${when} the export ${message.replace(/^sh /, '')}: ${line}`,
    ...(where ? { where } : {}),
    detail,
  };
}
