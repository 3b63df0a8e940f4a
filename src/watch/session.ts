// `vlb watch` itself: brings about what the machine of state.ts wants, and tells it what happens.

import { execute } from '../execute/execute.ts';
import type { Context } from '../execute/run-context.ts';
import type { Artifact } from '../model/artifact.ts';
import type { BuildEvent, Emit, Finished } from '../model/event.ts';
import type { Failure, Result } from '../model/failure.ts';
import type { Plan } from '../model/plan.ts';
import { artifactOf } from '../plan/decide.ts';
import type { ImageLayers } from '../plan/images.ts';
import { keyOf } from '../plan/key.ts';
import type { RecipeOf } from '../plan/plan.ts';
import type { Project } from '../project/project.ts';
import { Failures } from './failures.ts';
import { changedLayers, type Fingerprints, fingerprintsOf, isSame } from './fingerprint.ts';
import { type Places, placesOf } from './places.ts';
import { createQuiet, indexLock } from './quiet.ts';
import { BEGINNING, type Effect, type Happening, next } from './state.ts';
import { BuildSteering } from './steering.ts';
import { openWatcher, type Watcher } from './watcher.ts';

export interface WatchOptions {
  /** Absolute path of the project. */
  readonly directory: string;
  readonly jobs: number;
  readonly keepGoing: boolean;
  readonly flatten: boolean;
  /** Whether plans are of the whole project. */
  readonly complete: boolean;
  readonly emit: Emit;
  /** Ends the watching. */
  readonly signal: AbortSignal;
  /** The right to build in the project. */
  readonly lock: (signal: AbortSignal) => Promise<Result<Disposable>>;
  readonly load: () => Promise<Result<Project>>;
  /** From a project to a plan; what is worth knowing goes to `emit`. */
  readonly plan: (project: Project, emit: Emit, signal: AbortSignal) => Promise<Result<Planned>>;
  /** The same for a look alone, whatever the store and others have. */
  readonly scan: (project: Project, signal: AbortSignal) => Promise<Result<Planned>>;
  /** What follows a success; tells by itself what came of it. */
  readonly followUp: (signal: AbortSignal) => Promise<void>;
  /** Tells of a build that could not begin. */
  readonly tell: (failure: Failure) => void;
  /** Whether the person can type what is wanted. */
  readonly keys: boolean;
  /** Called once with what a person may do: build now, and end. */
  readonly onReady: (wants: { readonly retry: () => void; readonly quit: () => void }) => void;
}

export interface Planned {
  readonly plan: Plan;
  readonly images: ImageLayers;
  readonly recipeOf: RecipeOf;
  readonly context: Context;
}

/** What a build went by. */
interface Basis {
  readonly fingerprints: Fingerprints;
  readonly images: ImageLayers;
}

/**
 * Builds, and builds again whenever something changed, until the signal, or the person, ends it. Returns what is wrong when
 * not even the first build could begin.
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
  /** Stops what is under way. */
  #stop = new AbortController();
  #steering: BuildSteering | undefined;
  /** What the last build went by; undefined when it did not come to its end. */
  #last: Basis | undefined;
  /** What the build that is under way goes by, once that is known. */
  #current: Basis | undefined;
  /** What the last plan was made for: the changes are told against it. */
  #planned: Fingerprints | undefined;
  /** What the last scan found; undefined where the project cannot be read. */
  #scanned: Basis | undefined;
  #scans = 0;
  /** What kept the first build from beginning. */
  #hopeless: Failure | undefined;
  #toldFailure = '';
  #failed: readonly string[] = [];
  #places: Places | undefined;
  #watcher: Promise<Watcher> | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#quiet = createQuiet(indexLock(options.directory), () => this.#happen({ type: 'quiet' }));
  }

  async run(): Promise<Failure | undefined> {
    const { signal, onReady } = this.#options;
    signal.addEventListener('abort', () => this.#happen({ type: 'quit' }), { once: true });
    onReady({
      retry: () => this.#happen({ type: 'retry' }),
      quit: () => this.#happen({ type: 'quit' }),
    });
    for (const effect of BEGINNING.effects) this.#perform(effect);
    return await this.#ended.promise;
  }

  async close(): Promise<void> {
    this.#quiet.close();
    await (await this.#watcher)?.close();
  }

  #happen(happening: Happening): void {
    const { state, effects } = next(this.#state, happening);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  /** What takes its time tells the machine when it is done. */
  #perform(effect: Effect): void {
    const how: Readonly<Record<Effect, () => void>> = {
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
      'tell waiting': () => this.#tellWaiting(),
      stop: () => {
        this.#stop.abort();
        this.#steering?.resume();
      },
      end: () => this.#ended.resolve(undefined),
    };
    how[effect]();
  }

  /** A defect ends the session. */
  #inBackground(work: Promise<Happening | undefined>): void {
    work.then(
      (happening) => happening && this.#happen(happening),
      (error) => this.#ended.reject(error),
    );
  }

  async #build(wanted: boolean): Promise<Happening | undefined> {
    this.#stop = new AbortController();
    const outcome = await this.#buildLocked(wanted, this.#stop.signal);
    this.#steering = undefined;
    this.#current = undefined;
    if (this.#hopeless) this.#ended.resolve(this.#hopeless);
    return this.#hopeless ? undefined : { type: 'built', outcome };
  }

  async #buildLocked(wanted: boolean, signal: AbortSignal): Promise<'ok' | 'failed' | 'unchanged'> {
    const { load, lock, plan, emit } = this.#options;
    // What is wrong with the project is told before anything of it is written or waited for.
    const readable = await load();
    if (!readable.ok) return this.#broken(readable.failure, wanted);
    const locked = await lock(signal);
    if (!locked.ok) return signal.aborted ? 'failed' : this.#broken(locked.failure, wanted);
    using _lock = locked.value;
    // All that the person waited for, save others who had the project.
    const startedAt = this.#planned ? performance.now() : 0;
    const project = await load();
    if (!project.ok) return this.#broken(project.failure, wanted);
    this.#follow(placesOf(project.value));
    const planned = await plan(project.value, emit, signal);
    if (!planned.ok) return this.#broken(planned.failure, wanted);
    this.#toldFailure = '';
    const { store } = planned.value.context;
    using _lease = { [Symbol.dispose]: () => store.release() };
    const basis = basisOf(planned.value);
    const { fingerprints } = basis;
    if (!wanted && isSameBasis(this.#last, basis) && this.#hasNothingToDo(planned.value)) return 'unchanged';
    const layers = changedLayers(this.#planned ?? fingerprints, fingerprints, planned.value.plan);
    if (layers.length > 0) emit({ type: 'watching', state: 'changed', at: now(), layers });
    this.#planned = fingerprints;
    this.#current = basis;
    this.#steering = new BuildSteering(fingerprints, this.#failures);
    const finished = await this.#execute(planned.value, this.#steering, startedAt, signal);
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
  ): Promise<Finished> {
    const { jobs, keepGoing, flatten, complete, emit } = this.#options;
    if (this.#state.files !== 'known') steering.pause(); // by what happened while the plan was made
    const emitted = (event: BuildEvent) => {
      if (event.type === 'layer-finished') steering.ended(event);
      emit(event);
    };
    const { plan, recipeOf, images, context } = planned;
    return execute(
      plan,
      {
        recipeOf,
        images,
        jobs,
        flatten,
        complete,
        // One that is known to fail must not keep the others from being built until it is mended.
        keepGoing: keepGoing || this.#failures.size > 0,
        startedAt,
      },
      { ...context, emit: emitted, signal, steering },
    );
  }

  /** Whether all is in place, save what is known to fail. */
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

  #broken(failure: Failure, wanted: boolean): 'failed' | 'unchanged' {
    // As `vlb build` does; only what is broken later on can be expected to be mended.
    if (!this.#planned) this.#hopeless = failure;
    if (this.#hopeless) return 'failed';
    const text = JSON.stringify(failure);
    if (text === this.#toldFailure && !wanted) return 'unchanged';
    this.#toldFailure = text;
    this.#last = undefined;
    this.#failed = [];
    this.#options.tell(failure);
    return 'failed';
  }

  /** Reads the project beside what is under way; the newest scan alone is told. */
  async #scan(): Promise<Happening | undefined> {
    const scan = ++this.#scans;
    const { load, scan: planAlone, signal } = this.#options;
    const project = await load();
    const planned = project.ok ? await planAlone(project.value, signal) : project;
    if (scan !== this.#scans) return undefined;
    this.#scanned = planned.ok ? basisOf(planned.value) : undefined;
    if (project.ok) this.#follow(placesOf(project.value));
    const basis = this.#state.doing === 'building' ? this.#current : this.#last;
    return { type: 'scanned', changed: !this.#scanned || !isSameBasis(basis, this.#scanned) };
  }

  async #followUp(): Promise<Happening> {
    this.#stop = new AbortController();
    await this.#options.followUp(this.#stop.signal);
    return { type: 'followed up' };
  }

  /** Watches these places from now on. What changed meanwhile is found by the scan that a new watcher begins with. */
  #follow(places: Places): void {
    if (places.id === this.#places?.id) return;
    this.#places = places;
    const old = this.#watcher;
    const onChange = () => this.#happen({ type: 'change' });
    const onLimit = (message: string) => this.#options.emit({ type: 'note', message });
    this.#watcher = (async () => {
      await (await old)?.close();
      const watcher = await openWatcher(places, onChange, onLimit);
      onChange();
      return watcher;
    })();
    this.#watcher.catch((error) => this.#ended.reject(error));
  }

  #tellWaiting(): void {
    const { emit, keys } = this.#options;
    const places = this.#places?.shown ?? [];
    emit({ type: 'watching', state: 'waiting', at: now(), places, failed: this.#failed, keys });
  }
}

function basisOf({ plan, recipeOf, images }: Planned): Basis {
  return { fingerprints: fingerprintsOf(plan, recipeOf), images };
}

function isSameBasis(a: Basis | undefined, b: Basis): boolean {
  return a !== undefined && isSame(a.fingerprints, b.fingerprints) && isSame(a.images, b.images);
}

function now(): string {
  return new Date().toISOString();
}
