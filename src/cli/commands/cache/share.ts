// vlb cache push, pull and prefetch: what is built here goes to the shared cache, what others have built comes, without a build.

import { pullPlan, pushPlan } from '../../../execute/transfer.ts';
import type { Emit } from '../../../model/event.ts';
import { type Failure, fail } from '../../../model/failure.ts';
import type { Plan } from '../../../model/plan.ts';
import type { SharedAccess, SharedCache } from '../../../model/ports/shared-cache.ts';
import type { Store } from '../../../model/ports/store.ts';
import { loadProject, type Project } from '../../../project/project.ts';
import { createReporter } from '../../../report/reporters/create-reporter.ts';
import { plainText } from '../../../report/terminal/width.ts';
import { pulledText, pushedText } from '../../../report/text/shared.ts';
import { EXIT, exitStatusOf } from '../../exit-status.ts';
import { createInterrupt } from '../../terminal/interrupt.ts';
import { wireBuild } from '../../wire.ts';
import { type CacheOptions, print } from './cache.ts';
import { readOnly, usableCache } from './remote.ts';

export interface ShareOptions extends CacheOptions {
  readonly targets: readonly string[];
  readonly params: readonly string[];
}

/** Sends what is built. Fails as `host` when something did not go that should have. */
export async function push(options: ShareOptions): Promise<number | Failure> {
  if (options.remote === 'r') return readOnly('push').failure;
  const project = await loadProject(options.directory);
  if (!project.ok) return project.failure;
  return share(project.value, options, 'rw', async ({ plan, store, shared, signal }) => {
    const layers = await pushPlan(plan, store, shared, signal);
    const pushed = { layers, shared: shared.tally() };
    print(options, pushed, () => pushedText(pushed));
    const isWhole = layers.every(({ state }) => state !== 'failed') && (await shared.hasAnswered());
    return isWhole ? EXIT.ok : incomplete('pushed');
  });
}

/** Fetches what the plan has use for. Fails as `host` when something did not come, or nobody knows whether it is there. */
export async function pull(options: ShareOptions): Promise<number | Failure> {
  const project = await loadProject(options.directory);
  return project.ok ? pullProject(project.value, options) : project.failure;
}

/** The same, but what is wrong with the shared cache is only told. */
export async function prefetch(options: ShareOptions): Promise<number | Failure> {
  const project = await loadProject(options.directory);
  if (!project.ok) return project.failure;
  const usable = usableCache(project.value, options);
  const ended = usable.ok ? await pullProject(project.value, options) : usable.failure;
  const isHarmless = typeof ended !== 'number' && (!usable.ok || ended === INCOMPLETE);
  if (!isHarmless) return ended;
  process.stderr.write(`note: ${ended.message}: what is missing is built here\n`);
  return EXIT.ok;
}

function pullProject(project: Project, options: ShareOptions): Promise<number | Failure> {
  return share(project, options, 'r', async ({ plan, store, shared, signal }) => {
    const layers = await pullPlan(plan, store, shared, signal);
    if (layers.some(({ state }) => state === 'fetched')) await store.evict(signal);
    const pulled = { layers, shared: shared.tally() };
    print(options, pulled, () => pulledText(pulled));
    const isWhole = layers.every(({ state }) => state !== 'failed') && (await shared.hasAnswered());
    return isWhole ? EXIT.ok : INCOMPLETE;
  });
}

const INCOMPLETE = incomplete('fetched');

function incomplete(done: 'fetched' | 'pushed'): Failure {
  return fail('host', `not everything could be ${done}`, { hint: 'what is in the way stands above' }).failure;
}

interface Sharing {
  readonly plan: Plan;
  readonly store: Store;
  readonly shared: SharedCache;
  readonly signal: AbortSignal;
}

/** Plans a build, and works on the plan with the shared cache. */
async function share(
  project: Project,
  options: ShareOptions,
  remote: SharedAccess,
  work: (sharing: Sharing) => Promise<number | Failure>,
): Promise<number | Failure> {
  const usable = usableCache(project, options);
  if (!usable.ok) return usable.failure;
  const { signal, ...interrupt } = createInterrupt();
  const reporter = createReporter('auto', options.colour);
  const emit: Emit = options.json ? tellNotes : reporter.report;
  interrupt.listen();
  try {
    const wired = await wireBuild(project, {
      ...options,
      remote,
      flushFetched: true,
      nbd: [],
      secrets: [],
      force: [],
      emit,
      signal,
    });
    if (!wired.ok) return wired.failure;
    const { store } = wired.value.context;
    using _lease = { [Symbol.dispose]: () => store.release() };
    if (!store.shared) throw new Error('a project with a shared cache has a store without one');
    const ended = await work({ plan: wired.value.plan, store, shared: store.shared, signal });
    if (!signal.aborted) return ended;
    return exitStatusOf(fail('interrupted', 'interrupted').failure, interrupt.received());
  } finally {
    reporter.close();
  }
}

/** For programs, what is printed is the result alone. */
const tellNotes: Emit = (event) => {
  if (event.type === 'note') process.stderr.write(`note: ${plainText(event.message)}\n`);
};
