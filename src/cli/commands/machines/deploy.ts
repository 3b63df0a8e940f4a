// vlb deploy: from its command line to a machine that runs elsewhere, or with --dry-run to what would be done.

import { availableParallelism } from 'node:os';
import { type Failure, fail, ok, type Result } from '../../../model/failure.ts';
import { parseCheck, parseTarget } from '../../../model/machine/deploy.ts';
import { createReporter } from '../../../report/reporters/create-reporter.ts';
import { outputDrained } from '../../../report/terminal/output-drained.ts';
import { layerJson } from '../../../report/text/graph.ts';
import { deployPlanText } from '../../../report/text/plan.ts';
import { parseDuration } from '../../../util/units.ts';
import { deploy as deployMachine } from '../../../workspace/deploy/deploy.ts';
import { type DeployRequest, planDeploy } from '../../../workspace/deploy/prepare.ts';
import type { Raw } from '../../args/table/table.ts';
import { EXIT, exitStatusOf } from '../../exit-status.ts';
import { shellCommand, workspaceOf } from '../../open-workspace.ts';
import type { GlobalOptions } from '../../options.ts';
import { createInterrupt } from '../../terminal/interrupt.ts';
import { printNotes, printResult } from '../../terminal/streams.ts';

/** Deploys, or shows what would be. Returns the exit status; a failure before anything began is returned to be reported. */
export async function deploy(raw: Raw<'deploy'>, options: GlobalOptions): Promise<number | Failure> {
  const interrupt = createInterrupt();
  const { signal } = interrupt;
  const wanted = readWish(raw);
  if (!wanted.ok) return wanted.failure;
  const workspace = workspaceOf(options);
  const request = {
    ...wanted.value,
    params: raw.param,
    secrets: raw.secret,
    backend: raw.backend,
    nbd: raw.nbd,
    remote: options.remote,
    jobs: availableParallelism(),
    keepGoing: false,
    signal,
    shellCommand: shellCommand(options, raw),
  } satisfies Partial<DeployRequest>;
  if (raw.dryRun) {
    const planned = await planDeploy(workspace, { ...request, emit: printNotes });
    if (!planned.ok) return planned.failure;
    const { plan, steps } = planned.value;
    const json = { layers: plan.map(layerJson), steps };
    return printResult({ ...options, json: raw.progress === 'json' }, json, (style) =>
      deployPlanText(plan, steps, style),
    );
  }
  const reporter = createReporter(raw.progress, options.color);
  try {
    const finished = await deployMachine(workspace, {
      ...request,
      emit: reporter.report,
      drained: outputDrained(signal),
      onStart: () => interrupt.listen(),
    });
    if (!finished.ok) {
      reporter.buildNotStarted(finished.failure);
      return finished.failure;
    }
    const { failure } = finished.value;
    return failure ? exitStatusOf(failure, interrupt.received()) : EXIT.ok;
  } finally {
    reporter.close();
  }
}

function readWish(raw: Raw<'deploy'>): Result<Omit<DeployRequest, keyof CommonOptions>> {
  if (raw.to === undefined) {
    return fail('usage', 'vlb deploy requires --to', {
      hint: 'for example: --to libvirt, or --to /dev/vg0/web',
    });
  }
  const target = parseTarget(raw.to);
  if (!target.ok) return target;
  const check = parseCheck(raw.check);
  if (!check.ok) return check;
  const timeout = parseDuration(raw.timeout);
  if (timeout === undefined) {
    return fail('usage', `--timeout ${raw.timeout}: not a time`, {
      hint: 'give seconds, or a number with s, m or h: 90, 5m',
    });
  }
  return ok({
    name: raw.machine,
    to: raw.to,
    target: target.value,
    pool: raw.pool,
    check: check.value,
    timeout,
    rollback: raw.rollback === true,
    keep: Number(raw.keep),
    adopt: raw.adopt === true,
    force: raw.force === true,
    full: raw.full === true,
    build: raw.noBuild !== true,
  });
}

/** What does not depend on the options of vlb deploy alone. */
type CommonOptions = Pick<
  DeployRequest,
  | 'params'
  | 'secrets'
  | 'backend'
  | 'nbd'
  | 'remote'
  | 'jobs'
  | 'keepGoing'
  | 'signal'
  | 'shellCommand'
  | 'emit'
  | 'drained'
  | 'onStart'
>;
