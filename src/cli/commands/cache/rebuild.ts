// vlb cache verify --rebuild: does a layer come out the same when it is built again?

import { rebuild as rebuildLayer } from '../../../execute/look/rebuild.ts';
import type { Failure } from '../../../model/failure.ts';
import { loadProject } from '../../../project/project.ts';
import { createReporter } from '../../../report/reporters/create-reporter.ts';
import { EXIT } from '../../exit-status.ts';
import { createInterrupt, endOf } from '../../terminal/interrupt.ts';
import { lockProject, wireBuild } from '../../wire.ts';
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
  const own = { ...options, remote: 'off' as const, emit: reporter.report, signal: interrupt.signal };
  try {
    const project = await loadProject(options.directory);
    if (!project.ok) return project.failure;
    const locked = await lockProject(own);
    if (!locked.ok) return locked.failure;
    using _lock = locked.value;
    const wired = await wireBuild(project.value, { ...own, nbd: [], targets: [options.layer], force: [] });
    if (!wired.ok) return wired.failure;
    const { plan, context } = wired.value;
    using _lease = { [Symbol.dispose]: () => context.store.release() };
    interrupt.listen();
    const rebuilt = await rebuildLayer(plan, context);
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
