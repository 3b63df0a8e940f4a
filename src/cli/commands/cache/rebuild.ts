// vlb cache verify --rebuild: does a layer come out the same when it is built again?

import type { Failure } from '../../../model/failure.ts';
import { createReporter } from '../../../report/reporters/create-reporter.ts';
import { NO_ACCESS } from '../../../workspace/request.ts';
import { rebuild as rebuildLayer } from '../../../workspace/upkeep.ts';
import { EXIT } from '../../exit-status.ts';
import { workspaceOf } from '../../open-workspace.ts';
import { createInterrupt, endOf } from '../../terminal/interrupt.ts';
import type { CacheOptions } from './cache.ts';

export interface RebuildOptions extends CacheOptions {
  readonly layer: string;
  readonly params: readonly string[];
  readonly secrets: readonly string[];
}

/** Builds a layer again and prints whether the result is the same; the exit status is that of failed work when not. */
export async function rebuild(options: RebuildOptions): Promise<number | Failure> {
  const interrupt = createInterrupt();
  const reporter = createReporter(options.json ? 'quiet' : 'auto', options.colour);
  try {
    const rebuilt = await rebuildLayer(workspaceOf(options), {
      ...NO_ACCESS,
      ...options,
      remote: 'off',
      emit: reporter.report,
      signal: interrupt.signal,
      onStart: () => interrupt.listen(),
    });
    if (!rebuilt.ok) return endOf(rebuilt.failure, interrupt);
    const { record, digest } = rebuilt.value;
    const same = digest === record.artifact.digest;
    const told = { layer: record.layer, same, before: record.artifact.digest, after: digest };
    process.stdout.write(`${options.json ? JSON.stringify(told, undefined, 2) : text(told)}\n`);
    return same ? EXIT.ok : EXIT.work;
  } finally {
    reporter.close();
  }
}

function text({
  layer,
  same,
  before,
  after,
}: {
  layer: string;
  same: boolean;
  before: string;
  after: string;
}) {
  if (same) return `${layer} came out the same, to the bit: ${before.slice(0, 12)}`;
  return [
    `${layer} came out differently: ${after.slice(0, 12)} instead of ${before.slice(0, 12)}`,
    'That alone is no fault: file systems note times and are rarely the same to the bit. Nothing was changed.',
  ].join('\n');
}
