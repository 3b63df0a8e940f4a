// vlb publish: from its command line to a template or a pushed image, and the reports.

import { availableParallelism } from 'node:os';
import type { Failure } from '../../../model/failure.ts';
import { createReporter } from '../../../report/reporters/create-reporter.ts';
import { outputDrained } from '../../../report/terminal/output-drained.ts';
import { publish } from '../../../workspace/publish/publish.ts';
import type { Raw } from '../../args/table/table.ts';
import { EXIT, exitStatusOf } from '../../exit-status.ts';
import { shellCommand, workspaceOf } from '../../open-workspace.ts';
import type { GlobalOptions } from '../../options.ts';
import { createInterrupt } from '../../terminal/interrupt.ts';

/** Publishes. Returns the exit status; a failure before anything began is returned to be reported. */
export async function publishMachine(raw: Raw<'publish'>, options: GlobalOptions): Promise<number | Failure> {
  if (raw.to === undefined) {
    return { kind: 'usage', message: 'vlb publish requires --to', hint: 'see vlb publish --help' };
  }
  const interrupt = createInterrupt();
  const { signal } = interrupt;
  const reporter = createReporter(raw.progress, options.color);
  try {
    const finished = await publish(workspaceOf(options), {
      name: raw.machine,
      to: raw.to,
      format: raw.format,
      sign: raw.sign,
      keep: raw.keep,
      build: raw.noBuild !== true,
      params: raw.param,
      secrets: raw.secret,
      backend: raw.backend,
      nbd: raw.nbd,
      remote: options.remote,
      jobs: raw.jobs ?? availableParallelism(),
      signal,
      shellCommand: shellCommand(options, raw),
      emit: reporter.report,
      drained: outputDrained(signal),
      onStart: () => interrupt.listen(),
    });
    if (!finished.ok) {
      reporter.buildNotStarted(finished.failure);
      return finished.failure;
    }
    const { failures, failure: first } = finished.value;
    const interrupted = failures.find(({ failure }) => failure.kind === 'interrupted')?.failure;
    const failure = interrupted ?? first;
    return failure ? exitStatusOf(failure, interrupt.received()) : EXIT.ok;
  } finally {
    reporter.close();
  }
}
