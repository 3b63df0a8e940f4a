// `vlb watch`: performs the effects of the state machine in state.ts, and feeds it events.

import { type Executed, execute, type Planned } from '../execute/execute.ts';
import type { ScheduleLimits } from '../execute/schedule/schedule.ts';
import type { Artifact } from '../model/artifact.ts';
import type { BuildEvent, Emit } from '../model/event.ts';
import type { Failure, Result } from '../model/failure.ts';
import { keyOf } from '../model/recipe.ts';
import { artifactOf } from '../plan/decide.ts';
import type { ImageLayers } from '../plan/images.ts';
import { configFiles } from '../project/config/config.ts';
import type { Project } from '../project/project.ts';
import { Failures } from './failures.ts';
import { changedLayers, type Fingerprints, fingerprintsOf, isSame } from './fingerprint.ts';
import { indexLock } from './git.ts';
import { type Places, placesOf } from './places.ts';
import { createQuiet } from './quiet.ts';
import { BEGINNING, type Effect, next, type WatchEvent } from './state.ts';
import { BuildSteering } from './steering.ts';
import { openWatcher, type Watcher } from './watcher.ts';

export interface WatchOptions extends ScheduleLimits {
  /** Absolute path of the project. */
  readonly directory: string;
  readonly flatten: boolean;
  /** Whether plans are of the whole project. */
  readonly complete: boolean;
  readonly emit: Emit;
  /** Ends the session. */
  readonly signal: AbortSignal;
  /** Locks the project for a build. */
  readonly lock: (signal: AbortSignal) => Promise<Result<Disposable>>;
  readonly load: () => Promise<Result<Project>>;
  /** Plans the project; notes go to `emit`. */
  readonly plan: (project: Project, emit: Emit, signal: AbortSignal) => Promise<Result<Planned>>;
  /** Plans the project to find changes only: without the shared cache and without notes. */
  readonly scan: (project: Project, signal: AbortSignal) => Promise<Result<Planned>>;
  /** What to do after each successful build; reports its own failures. */
  readonly followUp: (signal: AbortSignal) => Promise<void>;
  /** Prints the failure of a build that could not begin. */
  readonly report: (failure: Failure) => void;
  /** Whether the user can press keys. */
  readonly keys: boolean;
  /** Called once with what the user can request: a build now, and the end. */
  readonly onReady: (requests: { readonly retry: () => void; readonly quit: () => void }) => void;
}

/** What a build is based on. */
interface Basis {
  readonly fingerprints: Fingerprints;
  readonly images: ImageLayers;
  /** Equal for equal checks. */
  readonly checks: string;
}

/**
 * Builds, and builds again after each change, until the signal or the user ends it. Returns the failure where the first build
 * could not begin.
 */
export async function watch(options: WatchOptions): Promise<Failure | undefined> {
  const session = new Session(options);
  try {
    return await session.run();
  } finally {
    await session.close();
  }
}

class Session {
  readonly #options: WatchOptions;
  readonly #failures = new Failures();
  readonly #ended = Promise.withResolvers<Failure | undefined>();
  readonly #quiet;
  #state = BEGINNING.state;
  /** Stops the current build or follow-up. */
  #stop = new AbortController();
  #steering: BuildSteering | undefined;
  /** The basis of the last build; undefined where it was interrupted. */
  #last: Basis | undefined;
  /** The basis of the current build, once it is planned. */
  #current: Basis | undefined;
  /** Those of the last plan: changes are reported relative to it. */
  #planned: Fingerprints | undefined;
  /** The basis that the last scan found; undefined where the project cannot be read. */
  #scanned: Basis | undefined;
  #scans = 0;
  /** Why the first build could not begin. */
  #startFailure: Failure | undefined;
  #reportedFailure = '';
  #failed: readonly string[] = [];
  #places: Places | undefined;
  /** As last loaded without a failure. */
  #project: Project | undefined;
  #watcher: Promise<Watcher> | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#quiet = createQuiet(indexLock(options.directory), () => this.#dispatch({ type: 'quiet' }));
  }

  async run(): Promise<Failure | undefined> {
    const { signal, onReady } = this.#options;
    signal.addEventListener('abort', () => this.#dispatch({ type: 'quit' }), { once: true });
    onReady({
      retry: () => this.#dispatch({ type: 'retry' }),
      quit: () => this.#dispatch({ type: 'quit' }),
    });
    for (const effect of BEGINNING.effects) this.#perform(effect);
    return await this.#ended.promise;
  }

  async close(): Promise<void> {
    this.#quiet.close();
    await (await this.#watcher)?.close();
  }

  #dispatch(event: WatchEvent): void {
    const { state, effects } = next(this.#state, event);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  /** Performs an effect; what takes time dispatches an event at its end. */
  #perform(effect: Effect): void {
    const actions: Readonly<Record<Effect, () => void>> = {
      'await quiet': () => this.#quiet.await(),
      pause: () => this.#steering?.pause(),
      resume: () => this.#steering?.resume(),
      scan: () => this.#inBackground(this.#scan()),
      supersede: () => this.#steering?.supersede(this.#scanned?.fingerprints),
      build: () => this.#inBackground(this.#build(false)),
      retry: () => {
        this.#failures.clear();
        this.#inBackground(this.#build(true));
      },
      'follow up': () => this.#inBackground(this.#followUp()),
      'report waiting': () => this.#reportWaiting(),
      stop: () => {
        this.#stop.abort();
        this.#steering?.resume();
      },
      end: () => this.#ended.resolve(undefined),
    };
    actions[effect]();
  }

  /** An unexpected error ends the session. */
  #inBackground(work: Promise<WatchEvent | undefined>): void {
    work.then(
      (event) => event && this.#dispatch(event),
      (error) => this.#ended.reject(error),
    );
  }

  async #build(isRetry: boolean): Promise<WatchEvent | undefined> {
    this.#stop = new AbortController();
    const outcome = await this.#buildLocked(isRetry, this.#stop.signal);
    this.#steering = undefined;
    this.#current = undefined;
    if (this.#startFailure) this.#ended.resolve(this.#startFailure);
    return this.#startFailure ? undefined : { type: 'built', outcome };
  }

  async #buildLocked(isRetry: boolean, signal: AbortSignal): Promise<'ok' | 'failed' | 'unchanged'> {
    const { load, lock, plan, emit } = this.#options;
    // Loaded twice: errors in the project are reported before vlb waits for the lock, and it may change until then.
    const readable = await load();
    if (!readable.ok) {
      await this.#followBroken();
      return this.#failToStart(readable.failure, isRetry);
    }
    const locked = await lock(signal);
    if (!locked.ok) return signal.aborted ? 'failed' : this.#failToStart(locked.failure, isRetry);
    using _lock = locked.value;
    // All the time that the user waited, except for other builds.
    const startedAt = this.#planned ? performance.now() : 0;
    const project = await load();
    if (!project.ok) return this.#failToStart(project.failure, isRetry);
    this.#followProject(project.value);
    const planned = await plan(project.value, emit, signal);
    if (!planned.ok) return this.#failToStart(planned.failure, isRetry);
    this.#reportedFailure = '';
    const { store } = planned.value.context;
    using _lease = { [Symbol.dispose]: () => store.release() };
    const basis = basisOf(planned.value);
    const { fingerprints } = basis;
    if (!isRetry && isSameBasis(this.#last, basis) && this.#hasNothingToDo(planned.value)) return 'unchanged';
    const layers = changedLayers(this.#planned ?? fingerprints, fingerprints, planned.value.plan);
    if (layers.length > 0) emit({ type: 'watching', state: 'changed', at: now(), layers });
    this.#planned = fingerprints;
    this.#current = basis;
    this.#steering = new BuildSteering(fingerprints, this.#failures);
    const { finished } = await this.#execute(planned.value, this.#steering, startedAt, signal);
    const ended = finished.superseded === undefined && !signal.aborted;
    this.#last = ended ? basis : undefined;
    this.#failed = finished.failures.map(({ layer }) => layer);
    return finished.ok ? 'ok' : 'failed';
  }

  #execute(
    planned: Planned,
    steering: BuildSteering,
    startedAt: number,
    signal: AbortSignal,
  ): Promise<Executed> {
    const { jobs, keepGoing, flatten, complete, emit } = this.#options;
    if (this.#state.files !== 'known') steering.pause(); // files changed during planning
    const emitted = (event: BuildEvent) => {
      if (event.type === 'layer-finished') steering.ended(event);
      emit(event);
    };
    const { plan, recipeOf, images, checks, context } = planned;
    return execute(
      plan,
      {
        recipeOf,
        images,
        checks,
        jobs,
        flatten,
        complete,
        // A layer that is known to fail must not prevent builds of others.
        keepGoing: keepGoing || this.#failures.size > 0,
        startedAt,
      },
      { ...context, emit: emitted, signal, steering },
    );
  }

  /** Whether everything is in place, except for layers that are known to fail. */
  #hasNothingToDo({ plan, recipeOf }: Planned): boolean {
    const known = new Map<string, Artifact>();
    return plan.every(({ node, action }) => {
      const artifact = artifactOf(action);
      if (artifact) known.set(node.name, artifact);
      if (action.type !== 'run') return action.type === 'fresh';
      const recipe = recipeOf(node, known);
      return recipe === undefined || this.#failures.get(keyOf(recipe)) !== undefined;
    });
  }

  #failToStart(failure: Failure, isRetry: boolean): 'failed' | 'unchanged' {
    // The first failure ends the session, as with `vlb build`; the user can be expected to fix a later one.
    if (!this.#planned) this.#startFailure = failure;
    if (this.#startFailure) return 'failed';
    const text = JSON.stringify(failure);
    if (text === this.#reportedFailure && !isRetry) return 'unchanged';
    this.#reportedFailure = text;
    this.#last = undefined;
    this.#failed = [];
    this.#options.report(failure);
    return 'failed';
  }

  /** Loads the project during a build or follow-up; only the newest scan is reported. */
  async #scan(): Promise<WatchEvent | undefined> {
    const scan = ++this.#scans;
    const { load, scan: planAlone, signal } = this.#options;
    const project = await load();
    const planned = project.ok ? await planAlone(project.value, signal) : project;
    if (scan !== this.#scans) return undefined;
    this.#scanned = planned.ok ? basisOf(planned.value) : undefined;
    if (project.ok) this.#followProject(project.value);
    else await this.#followBroken();
    const basis = this.#state.doing === 'building' ? this.#current : this.#last;
    return { type: 'scanned', changed: !this.#scanned || !isSameBasis(basis, this.#scanned) };
  }

  async #followUp(): Promise<WatchEvent> {
    this.#stop = new AbortController();
    await this.#options.followUp(this.#stop.signal);
    return { type: 'followed up' };
  }

  #followProject(project: Project): void {
    this.#project = project;
    this.#follow(placesOf(project));
  }

  /** The project cannot be loaded: what vlb.yaml includes now may be what mends it. */
  async #followBroken(): Promise<void> {
    if (!this.#project) return;
    const included = await configFiles(this.#options.directory);
    this.#follow(placesOf({ ...this.#project, included }));
  }

  /** Watches these places from now on. Changes before the watcher is ready are found by the scan that follows. */
  #follow(places: Places): void {
    if (places.id === this.#places?.id) return;
    this.#places = places;
    const old = this.#watcher;
    const onChange = () => this.#dispatch({ type: 'change' });
    const onLimit = (message: string) => this.#options.emit({ type: 'note', message });
    this.#watcher = (async () => {
      await (await old)?.close();
      const watcher = await openWatcher(places, onChange, onLimit);
      onChange();
      return watcher;
    })();
    this.#watcher.catch((error) => this.#ended.reject(error));
  }

  #reportWaiting(): void {
    const { emit, keys } = this.#options;
    const places = this.#places?.shown ?? [];
    emit({ type: 'watching', state: 'waiting', at: now(), places, failed: this.#failed, keys });
  }
}

function basisOf({ plan, recipeOf, images, checks: { wanted, seed } }: Planned): Basis {
  const checks = wanted.map(({ image, check: { where: _where, ...check } }) => [image, check]);
  return {
    fingerprints: fingerprintsOf(plan, recipeOf),
    images,
    checks: JSON.stringify([checks, seed]),
  };
}

function isSameBasis(a: Basis | undefined, b: Basis): boolean {
  return (
    a !== undefined &&
    isSame(a.fingerprints, b.fingerprints) &&
    isSame(a.images, b.images) &&
    a.checks === b.checks
  );
}

function now(): string {
  return new Date().toISOString();
}
