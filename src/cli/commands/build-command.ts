// From what stands behind `vlb build` to a build, or with --dry-run to a plan. Without anything there, the parser is not
// even loaded, so what every option means by default is said here.

import { availableParallelism } from 'node:os';
import type { Failure } from '../../model/failure.ts';
import type { Progress } from '../../report/reporters/create-reporter.ts';
import type { OnError } from '../args/table/build.ts';
import type { GlobalOptions } from '../options.ts';

/** As they come from the command line. */
export interface RawBuildOptions {
  readonly layer?: readonly string[] | undefined;
  readonly last?: string | undefined;
  readonly nbd?: readonly string[] | undefined;
  readonly param?: readonly string[] | undefined;
  readonly secret?: readonly string[] | undefined;
  readonly force?: string | undefined;
  readonly noCache?: boolean | undefined;
  readonly jobs?: number | undefined;
  readonly keepGoing?: boolean | undefined;
  readonly flatten?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  readonly progress?: Progress | undefined;
  readonly onError?: OnError | undefined;
}

/** Builds, or shows the plan. Returns the exit status, or the failure to report. */
export async function buildCommand(raw: RawBuildOptions, options: GlobalOptions): Promise<number | Failure> {
  const common = {
    ...options,
    targets: [...(raw.layer ?? []), ...(raw.last === undefined ? [] : [raw.last])],
    params: raw.param ?? [],
    force: forceOf(raw),
  };
  if (raw.dryRun) {
    const { plan } = await import('./inspect.ts');
    return plan({ ...common, json: raw.progress === 'json' });
  }
  const { build } = await import('./build.ts');
  return build({
    ...common,
    nbd: raw.nbd ?? [],
    secrets: raw.secret ?? [],
    jobs: raw.jobs ?? availableParallelism(),
    keepGoing: raw.keepGoing === true,
    flatten: raw.flatten === true,
    progress: raw.progress ?? 'auto',
    onError: raw.onError ?? 'keep',
  });
}

/** `--force=LAYER`; all with a bare `--force`, and with `--no-cache`. */
function forceOf({ force, noCache }: RawBuildOptions): 'all' | readonly string[] {
  if (noCache || force === '') return 'all';
  return force === undefined ? [] : [force];
}
