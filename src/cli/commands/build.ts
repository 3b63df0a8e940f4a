// vlb build: builds in the workspace and reports.

import type { Failure } from '../../model/failure.ts';
import { fail } from '../../model/failure.ts';
import { createReporter, type Progress } from '../../report/reporters/create-reporter.ts';
import { outputDrained } from '../../report/terminal/output-drained.ts';
import { build as buildImage, type FailedDisk } from '../../workspace/build.ts';
import type { Access, Pace, Selection } from '../../workspace/request.ts';
import type { OnError } from '../args/table/build.ts';
import { EXIT, exitStatusOf } from '../exit-status.ts';
import { shellCommand, workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { createInterrupt } from '../terminal/interrupt.ts';

export interface BuildOptions extends GlobalOptions, Selection, Access, Pace {
  readonly flatten: boolean;
  readonly progress: Progress;
  readonly onError: OnError;
}

/** Builds the project's image. Returns the exit status; a failure before anything began is returned to be reported. */
export async function build(options: BuildOptions): Promise<number | Failure> {
  const interrupt = createInterrupt();
  const reporter = createReporter(options.progress, options.color);
  const { signal } = interrupt;
  try {
    const finished = await buildImage(workspaceOf(options), {
      ...options,
      emit: reporter.report,
      drained: outputDrained(signal),
      signal,
      shellCommand: shellCommand(options, options),
      onStart: () => interrupt.listen(),
      ...(options.onError === 'shell' && (await import('../terminal/streams.ts')).hasTerminal()
        ? { onFailedDisk: (failed: FailedDisk) => showDisk(failed, options.color) }
        : {}),
    });
    if (!finished.ok) {
      reporter.buildNotStarted(finished.failure);
      return finished.failure;
    }
    const { failures, failure: first } = finished.value;
    const interrupted = failures.find(({ failure }) => failure.kind === 'interrupted')?.failure;
    // A signal during the last push cancels the push alone: the image is built all the same.
    const failure = interrupted ?? first ?? (interrupt.received() ? INTERRUPTED : undefined);
    return failure ? exitStatusOf(failure, interrupt.received()) : EXIT.ok;
  } finally {
    reporter.close();
  }
}

const INTERRUPTED = fail('interrupted', 'the build was interrupted').failure;

async function showDisk(failed: FailedDisk, color: boolean | undefined): Promise<void> {
  const { shellAfterFailure } = await import('./shell.ts');
  await shellAfterFailure(failed, color);
}
