// vlb export: from its command line to exports and their reports, or with --dry-run to what would be done.

import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { Failure } from '../../../model/failure.ts';
import { createReporter } from '../../../report/reporters/create-reporter.ts';
import { outputDrained } from '../../../report/terminal/output-drained.ts';
import { layerJson } from '../../../report/text/graph.ts';
import { exportPlanText } from '../../../report/text/plan.ts';
import { exportMachines } from '../../../workspace/export.ts';
import { type ExportRequest, planExports } from '../../../workspace/export-plan.ts';
import type { Raw } from '../../args/table/table.ts';
import { EXIT, exitStatusOf } from '../../exit-status.ts';
import { shellCommand, workspaceOf } from '../../open-workspace.ts';
import type { GlobalOptions } from '../../options.ts';
import { createInterrupt } from '../../terminal/interrupt.ts';
import { printNotes, printResult } from '../../terminal/streams.ts';

/** Exports, or shows what would be. Returns the exit status; a failure before anything began is returned to be reported. */
export async function exportAll(raw: Raw<'export'>, options: GlobalOptions): Promise<number | Failure> {
  const interrupt = createInterrupt();
  const { signal } = interrupt;
  const workspace = workspaceOf(options);
  const request = {
    names: raw.machine,
    formats: raw.format,
    output: raw.output === undefined ? undefined : path.resolve(raw.output),
    build: raw.noBuild !== true,
    force: raw.force === true,
    params: raw.param,
    secrets: raw.secret,
    backend: raw.backend,
    nbd: raw.nbd,
    remote: options.remote,
    jobs: raw.jobs ?? availableParallelism(),
    keepGoing: raw.keepGoing === true,
    signal,
    shellCommand: shellCommand(options, raw),
  } satisfies Partial<ExportRequest>;
  if (raw.dryRun) {
    const planned = await planExports(workspace, { ...request, emit: printNotes });
    if (!planned.ok) return planned.failure;
    const { plan, checks, exports } = planned.value;
    const json = { layers: plan.map(layerJson), exports };
    return printResult({ ...options, json: raw.progress === 'json' }, json, (style) =>
      exportPlanText(plan, checks, exports, style),
    );
  }
  const reporter = createReporter(raw.progress, options.color);
  try {
    const finished = await exportMachines(workspace, {
      ...request,
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
