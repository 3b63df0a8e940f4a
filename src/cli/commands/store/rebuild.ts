// vlb store verify --rebuild: whether a layer is reproducible.

import { mainDisk } from '../../../model/artifact.ts';
import type { Failure } from '../../../model/failure.ts';
import { createReporter } from '../../../report/reporters/create-reporter.ts';
import { NO_ACCESS } from '../../../workspace/request.ts';
import { rebuild as rebuildLayer } from '../../../workspace/upkeep.ts';
import type { Raw } from '../../args/table/table.ts';
import { EXIT } from '../../exit-status.ts';
import { workspaceOf } from '../../open-workspace.ts';
import type { GlobalOptions } from '../../options.ts';
import { createInterrupt, endOf } from '../../terminal/interrupt.ts';
import { printResult } from '../../terminal/streams.ts';

/** Builds a layer again and prints whether the result is the same; the exit status is that of failed work when not. */
export async function rebuild(
  layer: string,
  { param: params, secret: secrets, json }: Raw<'store verify'>,
  options: GlobalOptions,
): Promise<number | Failure> {
  const interrupt = createInterrupt();
  const reporter = createReporter(json ? 'quiet' : 'auto', options.color);
  try {
    const rebuilt = await rebuildLayer(workspaceOf(options), {
      ...NO_ACCESS,
      layer,
      params,
      secrets,
      emit: reporter.report,
      signal: interrupt.signal,
      onStart: () => interrupt.listen(),
    });
    if (!rebuilt.ok) return endOf(rebuilt.failure, interrupt);
    const { record, digest } = rebuilt.value;
    const before = mainDisk(record.artifact).digest;
    const same = digest === before;
    const result = { layer: record.layer, same, before, after: digest };
    printResult({ ...options, json }, result, () => text(result));
    return same ? EXIT.ok : EXIT.work;
  } finally {
    reporter.close();
  }
}

interface Comparison {
  readonly layer: string;
  readonly same: boolean;
  readonly before: string;
  readonly after: string;
}

function text({ layer, same, before, after }: Comparison): string {
  if (same) return `${layer} is reproducible: ${before.slice(0, 12)}`;
  return [
    `${layer} is not reproducible: ${after.slice(0, 12)}, previously ${before.slice(0, 12)}`,
    'This is usual: file systems contain times, and are rarely identical. Nothing was changed.',
  ].join('\n');
}
