// vlb build: plan, execute, report.

import { execute } from '../../execute/execute.ts';
import type { Failure } from '../../model/failure.ts';
import { createReporter, type Progress } from '../../report/create-reporter.ts';
import { EXIT, exitStatusOf } from '../exit-status.ts';
import { createInterrupt } from '../interrupt.ts';
import type { GlobalOptions } from '../options.ts';
import { lockProject, wireBuild } from '../wire.ts';

export interface BuildOptions extends GlobalOptions {
  readonly nbd: readonly string[];
  readonly targets: readonly string[];
  readonly params: readonly string[];
  readonly secrets: readonly string[];
  readonly force: 'all' | readonly string[];
  readonly jobs: number;
  readonly keepGoing: boolean;
  readonly flatten: boolean;
  readonly progress: Progress;
}

/** Builds the project's image. Returns the exit status; a failure before anything began is returned to be told. */
export async function build(options: BuildOptions): Promise<number | Failure> {
  const interrupt = createInterrupt();
  const reporter = createReporter(options.progress, options.colour);
  try {
    const locked = await lockProject({ ...options, emit: reporter.report, signal: interrupt.signal });
    if (!locked.ok) return locked.failure;
    using _lock = locked.value;
    const wired = await wireBuild({ ...options, emit: reporter.report, signal: interrupt.signal });
    if (!wired.ok) return wired.failure;
    const { plan, recipeOf, context } = wired.value;
    interrupt.listen();
    const finished = await execute(
      plan,
      { ...options, recipeOf, jobs: Math.min(options.jobs, options.nbd.length || options.jobs) },
      context,
    );
    if (!finished.failure) return EXIT.ok;
    return exitStatusOf(finished.failure, interrupt.received());
  } finally {
    reporter.close();
  }
}
