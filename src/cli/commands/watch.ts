// vlb watch: builds whenever something changed, until it is stopped.

import { realpathSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { runLine } from '../../compose.ts';
import type { Failure } from '../../model/failure.ts';
import { createReporter, type Progress } from '../../report/reporters/create-reporter.ts';
import { outputDrained } from '../../report/terminal/output-drained.ts';
import { createStyle, wantsColor } from '../../report/terminal/style.ts';
import { failureText } from '../../report/text/failure.ts';
import { watch as watchProject } from '../../watch/session.ts';
import { planProject } from '../../workspace/planning.ts';
import type { Access, Pace, Selection } from '../../workspace/request.ts';
import type { Raw } from '../args/table/table.ts';
import { EXIT, exitStatusOf } from '../exit-status.ts';
import { shellCommand, workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { createInterrupt } from '../terminal/interrupt.ts';
import { hasKeys, takeKeys } from '../terminal/keys.ts';

interface WatchCommandOptions extends GlobalOptions, Selection, Access, Pace {
  readonly flatten: boolean;
  readonly progress: Progress;
  /** Boot the image after each success, until it is up. */
  readonly check: boolean;
  /** A line for the shell, run after each success. */
  readonly exec: string | undefined;
}

/** Watches. Returns the exit status, or the failure to report. */
export async function watchCommand(raw: Raw<'watch'>, options: GlobalOptions): Promise<number | Failure> {
  return watch({
    ...options,
    nbd: raw.nbd,
    targets: raw.layer,
    params: raw.param,
    secrets: raw.secret,
    force: [],
    jobs: raw.jobs ?? availableParallelism(),
    keepGoing: raw.keepGoing === true,
    flatten: raw.flatten === true,
    progress: raw.progress,
    check: raw.check === true,
    exec: raw.exec,
  });
}

/** Builds until it is stopped. Returns the exit status; a failure before anything began is returned to be reported. */
async function watch(given: WatchCommandOptions): Promise<number | Failure> {
  // The kernel reports changes of files, not of links that lead to them.
  const options = { ...given, directory: realpathSync(given.directory) };
  const workspace = workspaceOf(options);
  const interrupt = createInterrupt();
  const reporter = createReporter(options.progress, options.color);
  const style = createStyle(wantsColor(options.color, process.stderr));
  const report = (failure: Failure) => {
    reporter.buildNotStarted(failure);
    process.stderr.write(`${failureText(failure, style)}\n`);
  };
  const keys = hasKeys();
  let typing: Disposable | undefined;
  interrupt.listen();
  try {
    const failure = await watchProject({
      ...options,
      jobs: Math.min(options.jobs, options.nbd.length || options.jobs),
      complete: options.targets.length === 0,
      emit: reporter.report,
      signal: interrupt.signal,
      lock: (signal) => workspace.lock(reporter.report, signal),
      load: () => workspace.load(),
      plan: (project, emit, signal) =>
        planProject(workspace, project, {
          ...options,
          emit,
          drained: outputDrained(signal),
          signal,
          shellCommand: shellCommand(options, options),
        }),
      scan: (project, signal) =>
        planProject(workspace, project, { ...options, remote: 'off', emit: () => {}, signal }),
      followUp: (signal) => followUp(options, signal, report),
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

/** The check first, then the command, unless the check failed. */
async function followUp(
  options: WatchCommandOptions,
  signal: AbortSignal,
  print: (failure: Failure) => void,
): Promise<void> {
  if (options.check) {
    const { bootCheck } = await import('./test-boot.ts');
    const failure = await bootCheck(options, signal);
    if (failure) {
      if (failure.kind !== 'interrupted') print(failure);
      return;
    }
  }
  if (options.exec === undefined) return;
  const ended = await runLine(options.exec, options.progress === 'json' ? 'stderr' : 'stdout', signal);
  if (ended.ok && ended.value === 0) return;
  if (!ended.ok && ended.failure.kind === 'interrupted') return;
  const why = ended.ok
    ? { kind: 'work' as const, message: `--exec ${options.exec}: exit status ${ended.value}` }
    : ended.failure;
  print(why);
}
