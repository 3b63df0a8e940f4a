// vlb store verify --rebuild: whether a layer is reproducible.

import type { Failure } from '../../../model/failure.ts';
import { createReporter } from '../../../report/reporters/create-reporter.ts';
import { NO_ACCESS } from '../../../workspace/request.ts';
import { rebuild as rebuildLayer } from '../../../workspace/upkeep.ts';
import { EXIT } from '../../exit-status.ts';
import { workspaceOf } from '../../open-workspace.ts';
import { createInterrupt, endOf } from '../../terminal/interrupt.ts';
import type { CacheOptions } from './store.ts';

export interface RebuildOptions extends CacheOptions {
  readonly layer: string;
  readonly params: readonly string[];
  readonly secrets: readonly string[];
}

/** Builds a layer again and prints whether the result is the same; the exit status is that of failed work when not. */
export async function rebuild(options: RebuildOptions): Promise<number | Failure> {
  const interrupt = createInterrupt();
  const reporter = createReporter(options.json ? 'quiet' : 'auto', options.color);
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
    const result = { layer: record.layer, same, before: record.artifact.digest, after: digest };
    process.stdout.write(`${options.json ? JSON.stringify(result, undefined, 2) : text(result)}\n`);
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
  if (same) return `${layer} is reproducible: ${before.slice(0, 12)}`;
  return [
    `${layer} is not reproducible: ${after.slice(0, 12)}, previously ${before.slice(0, 12)}`,
    'This is usual: file systems contain times, and are rarely identical. Nothing was changed.',
  ].join('\n');
}
