// vlb build: from its command line to a build and its reports, or with --dry-run to a plan.

import { availableParallelism } from 'node:os';
import type { Failure } from '../../model/failure.ts';
import { fail } from '../../model/failure.ts';
import { createReporter } from '../../report/reporters/create-reporter.ts';
import { outputDrained } from '../../report/terminal/output-drained.ts';
import { build as buildImage, type FailedDisk } from '../../workspace/build.ts';
import type { Access, Pace, Selection } from '../../workspace/request.ts';
import type { Raw } from '../args/table/table.ts';
import { EXIT, exitStatusOf } from '../exit-status.ts';
import { shellCommand, workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { createInterrupt } from '../terminal/interrupt.ts';

/** Builds, or shows the plan. Returns the exit status; a failure before anything began is returned to be reported. */
export async function build(raw: Raw<'build'>, options: GlobalOptions): Promise<number | Failure> {
  const selection: Selection = {
    targets: [...raw.layer, ...(raw.last === undefined ? [] : [raw.last])],
    params: raw.param,
    force: forceOf(raw),
  };
  if (raw.dryRun) {
    const { plan } = await import('./inspect.ts');
    return plan({ ...options, ...selection, json: raw.progress === 'json' });
  }
  const interrupt = createInterrupt();
  const reporter = createReporter(raw.progress, options.color);
  const { signal } = interrupt;
  try {
    const request = {
      ...selection,
      ...buildOptions(raw, options),
      emit: reporter.report,
      drained: outputDrained(signal),
      signal,
      shellCommand: shellCommand(options, raw),
      onStart: () => interrupt.listen(),
      ...(raw.onError === 'shell' && (await import('../terminal/streams.ts')).hasTerminal()
        ? { onFailedDisk: (failed: FailedDisk) => showDisk(failed, options.color) }
        : {}),
    };
    const finished =
      raw.on === undefined
        ? await buildImage(workspaceOf(options), request)
        : await (await import('./engine/build-on.ts')).buildOn(raw.on, request, options);
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

/** The options that `vlb build` and `vlb watch` have in common. */
export function buildOptions(
  raw: Raw<'build'> | Raw<'watch'>,
  { remote }: GlobalOptions,
): Access & Pace & { readonly flatten: boolean } {
  return {
    remote,
    backend: raw.backend,
    nbd: raw.nbd,
    secrets: raw.secret,
    jobs: raw.jobs ?? availableParallelism(),
    keepGoing: raw.keepGoing === true,
    flatten: raw.flatten === true,
  };
}

/** `--force=LAYER`; all with a bare `--force`, and with `--no-cache`. */
function forceOf({ force, noCache }: Raw<'build'>): 'all' | readonly string[] {
  if (noCache || force === '') return 'all';
  return force === undefined ? [] : [force];
}
