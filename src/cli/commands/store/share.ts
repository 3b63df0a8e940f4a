// vlb store push, pull and prefetch: what was built here goes to the shared cache, what others built is fetched from it.

import { type Failure, fail, type Result } from '../../../model/failure.ts';
import { createReporter } from '../../../report/reporters/create-reporter.ts';
import { pulledText, pushedText } from '../../../report/text/shared.ts';
import type { Selection } from '../../../workspace/request.ts';
import {
  pull as pullAll,
  push as pushAll,
  type Shared,
  type ShareRequest,
  usableCache,
} from '../../../workspace/share.ts';
import type { Workspace } from '../../../workspace/workspace.ts';
import { EXIT } from '../../exit-status.ts';
import { workspaceOf } from '../../open-workspace.ts';
import { createInterrupt, endOf } from '../../terminal/interrupt.ts';
import { printNotes, printResult } from '../../terminal/streams.ts';
import type { CacheOptions } from './store.ts';

export interface ShareOptions extends CacheOptions, Pick<Selection, 'targets' | 'params'> {}

/** Pushes what is built. Fails as `host` when something was not pushed that should have been. */
export function push(options: ShareOptions): Promise<number | Failure> {
  return share(options, 'pushed', pushAll, pushedText);
}

/** Pulls what the plan can use. Fails as `host` when something did not arrive, or the shared cache did not answer. */
export function pull(options: ShareOptions): Promise<number | Failure> {
  return share(options, 'fetched', pullAll, pulledText);
}

/** The same, but a shared cache that cannot be used, or not fully, is only reported. */
export async function prefetch(options: ShareOptions): Promise<number | Failure> {
  const project = await workspaceOf(options).load();
  if (!project.ok) return project.failure;
  const usable = usableCache(project.value, options.directory, options.remote);
  const ended = usable.ok ? await pull(options) : usable.failure;
  const isHarmless = typeof ended !== 'number' && (!usable.ok || ended === INCOMPLETE.fetched);
  if (!isHarmless) return ended;
  process.stderr.write(`note: ${ended.message}: what is missing is built here\n`);
  return EXIT.ok;
}

const INCOMPLETE = { fetched: incomplete('fetched'), pushed: incomplete('pushed') } as const;

function incomplete(done: string): Failure {
  return fail('host', `not everything could be ${done}`, { hint: 'see the notes above' }).failure;
}

async function share<Layer>(
  options: ShareOptions,
  done: keyof typeof INCOMPLETE,
  work: (workspace: Workspace, request: ShareRequest) => Promise<Result<Shared<Layer>>>,
  text: (shared: Omit<Shared<Layer>, 'isWhole'>) => string,
): Promise<number | Failure> {
  const interrupt = createInterrupt();
  const reporter = createReporter('auto', options.color);
  try {
    const shared = await work(workspaceOf(options), {
      ...options,
      // For programs, what is printed is the result alone.
      emit: options.json ? printNotes : reporter.report,
      signal: interrupt.signal,
      onStart: () => interrupt.listen(),
    });
    if (!shared.ok) return endOf(shared.failure, interrupt);
    const { isWhole, ...result } = shared.value;
    printResult(options, result, () => text(result));
    return isWhole ? EXIT.ok : INCOMPLETE[done];
  } finally {
    reporter.close();
  }
}
