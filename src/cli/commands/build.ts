// vlb build: plan, execute, report.

import { type ExecuteOptions, execute } from '../../execute/execute.ts';
import type { Context } from '../../execute/run-context.ts';
import { type Failure, fail } from '../../model/failure.ts';
import { loadProject } from '../../project/project.ts';
import { createReporter, type Progress } from '../../report/reporters/create-reporter.ts';
import { EXIT, exitStatusOf } from '../exit-status.ts';
import type { OnError } from '../on-error.ts';
import type { GlobalOptions } from '../options.ts';
import { createInterrupt } from '../terminal/interrupt.ts';
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
  readonly onError: OnError;
}

/** Builds the project's image. Returns the exit status; a failure before anything began is returned to be told. */
export async function build(options: BuildOptions): Promise<number | Failure> {
  const interrupt = createInterrupt();
  const reporter = createReporter(options.progress, options.colour);
  try {
    const early = (failure: Failure) => {
      reporter.notBegun(failure);
      return failure;
    };
    // What is wrong with the project is told before anything of it is written or waited for.
    const project = await loadProject(options.directory);
    if (!project.ok) return early(project.failure);
    const running = { ...options, emit: reporter.report, signal: interrupt.signal };
    const locked = await lockProject(running);
    if (!locked.ok) return early(locked.failure);
    using lock = locked.value;
    // Another build that was waited for may have taken its time.
    const current = lock.waited ? await loadProject(options.directory) : project;
    if (!current.ok) return early(current.failure);
    const wired = await wireBuild(current.value, running);
    if (!wired.ok) return early(wired.failure);
    const { plan, recipeOf, images, context } = wired.value;
    using _lease = { [Symbol.dispose]: () => context.store.release() };
    interrupt.listen();
    const finished = await execute(
      plan,
      {
        ...options,
        recipeOf,
        images,
        complete: options.targets.length === 0,
        jobs: Math.min(options.jobs, options.nbd.length || options.jobs),
        ...(options.onError === 'shell' && (await import('../terminal/streams.ts')).hasTerminal()
          ? { onFailedDisk: loadShell(context, options.colour) }
          : {}),
      },
      context,
    );
    const interrupted = finished.failures.find(({ failure }) => failure.kind === 'interrupted')?.failure;
    // One that comes while the last layer is pushed calls off the push alone: the image is there all the same.
    const failure = interrupted ?? finished.failure ?? (interrupt.received() ? INTERRUPTED : undefined);
    return failure ? exitStatusOf(failure, interrupt.received()) : EXIT.ok;
  } finally {
    reporter.close();
  }
}

const INTERRUPTED = fail('interrupted', 'the build was interrupted').failure;

function loadShell(
  context: Context,
  colour: boolean | undefined,
): NonNullable<ExecuteOptions['onFailedDisk']> {
  return async (...failed) => {
    const { shellAfterFailure } = await import('./shell.ts');
    await shellAfterFailure(...failed, context, colour);
  };
}
