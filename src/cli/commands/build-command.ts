// vlb build: from its command line to a build, or with --dry-run to a plan.

import { availableParallelism } from 'node:os';
import type { Failure } from '../../model/failure.ts';
import type { Raw } from '../args/table/table.ts';
import type { GlobalOptions } from '../options.ts';

/** Builds, or shows the plan. Returns the exit status, or the failure to report. */
export async function buildCommand(raw: Raw<'build'>, options: GlobalOptions): Promise<number | Failure> {
  const common = {
    ...options,
    targets: [...raw.layer, ...(raw.last === undefined ? [] : [raw.last])],
    params: raw.param,
    force: forceOf(raw),
  };
  if (raw.dryRun) {
    const { plan } = await import('./inspect.ts');
    return plan({ ...common, json: raw.progress === 'json' });
  }
  const { build } = await import('./build.ts');
  return build({
    ...common,
    nbd: raw.nbd,
    secrets: raw.secret,
    jobs: raw.jobs ?? availableParallelism(),
    keepGoing: raw.keepGoing === true,
    flatten: raw.flatten === true,
    progress: raw.progress,
    onError: raw.onError,
  });
}

/** `--force=LAYER`; all with a bare `--force`, and with `--no-cache`. */
function forceOf({ force, noCache }: Raw<'build'>): 'all' | readonly string[] {
  if (noCache || force === '') return 'all';
  return force === undefined ? [] : [force];
}
