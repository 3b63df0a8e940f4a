// vlb watch: builds whenever something changed, until it is stopped.

import { runLine } from '../../compose.ts';
import type { Failure } from '../../model/failure.ts';
import type { Project } from '../../project/project.ts';
import { createReporter } from '../../report/reporters/create-reporter.ts';
import { outputDrained } from '../../report/terminal/output-drained.ts';
import { createStyle, wantsColor } from '../../report/terminal/style.ts';
import { failureText } from '../../report/text/failure.ts';
import { watch as watchProject } from '../../watch/session.ts';
import { planProject } from '../../workspace/planning.ts';
import type { Selection } from '../../workspace/request.ts';
import type { Raw } from '../args/table/table.ts';
import { EXIT, exitStatusOf } from '../exit-status.ts';
import { shellCommand, workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { createInterrupt } from '../terminal/interrupt.ts';
import { hasKeys, takeKeys } from '../terminal/keys.ts';
import { buildOptions } from './build.ts';

/** Builds until it is stopped. Returns the exit status; a failure before anything began is returned to be reported. */
export async function watch(raw: Raw<'watch'>, options: GlobalOptions): Promise<number | Failure> {
  const building = buildOptions(raw, options);
  const selection: Selection = { targets: raw.layer, params: raw.param, force: [] };
  const workspace = workspaceOf(options);
  const interrupt = createInterrupt();
  const reporter = createReporter(raw.progress, options.color);
  const style = createStyle(wantsColor(options.color, process.stderr));
  const report = (failure: Failure) => {
    reporter.buildNotStarted(failure);
    process.stderr.write(`${failureText(failure, style)}\n`);
  };
  const withNewNotes = newNotes();
  const keys = hasKeys();
  let typing: Disposable | undefined;
  interrupt.listen();
  try {
    const failure = await watchProject({
      ...building,
      directory: options.directory,
      jobs: Math.min(building.jobs, raw.nbd.length || building.jobs),
      complete: raw.layer.length === 0,
      emit: reporter.report,
      signal: interrupt.signal,
      lock: (signal) => workspace.lock(reporter.report, signal),
      load: () => workspace.load(),
      plan: (project, emit, signal) =>
        planProject(workspace, withNewNotes(project), {
          ...selection,
          ...building,
          emit,
          drained: outputDrained(signal),
          signal,
          shellCommand: shellCommand(options, raw),
        }),
      scan: (project, signal) =>
        planProject(workspace, project, { ...selection, ...building, remote: 'off', emit: () => {}, signal }),
      followUp: (signal) => followUp(raw, options, signal, report),
      report,
      keys,
      onReady({ retry, quit }) {
        if (!keys) return;
        typing = takeKeys((key) => {
          if (key === 'r') retry();
          else if (key === 'q') quit();
        });
      },
    });
    const signal = interrupt.received();
    if (signal) return exitStatusOf({ kind: 'interrupted', message: '' }, signal);
    if (failure) reporter.buildNotStarted(failure);
    return failure ?? EXIT.ok;
  } finally {
    typing?.[Symbol.dispose]();
    reporter.close();
  }
}

/** Leaves out of a project the notes that it had before. */
function newNotes(): (project: Project) => Project {
  let earlier = new Set<string>();
  return (project) => {
    const texts = new Set(project.notes.map((note) => JSON.stringify(note)));
    const notes = project.notes.filter((note) => !earlier.has(JSON.stringify(note)));
    earlier = texts;
    return { ...project, notes };
  };
}

/** The check first, then the command, unless the check failed. */
async function followUp(
  { check, exec, progress }: Raw<'watch'>,
  options: GlobalOptions,
  signal: AbortSignal,
  print: (failure: Failure) => void,
): Promise<void> {
  if (check) {
    const { bootCheck } = await import('./test-boot.ts');
    const failure = await bootCheck(options, signal);
    if (failure) {
      if (failure.kind !== 'interrupted') print(failure);
      return;
    }
  }
  if (exec === undefined) return;
  const ended = await runLine(exec, progress === 'json' ? 'stderr' : 'stdout', signal);
  if (ended.ok && ended.value === 0) return;
  if (!ended.ok && ended.failure.kind === 'interrupted') return;
  const why = ended.ok
    ? { kind: 'work' as const, message: `--exec ${exec}: exit status ${ended.value}` }
    : ended.failure;
  print(why);
}
