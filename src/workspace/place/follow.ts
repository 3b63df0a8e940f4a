// Follows the jobs of a build: their events become those of this build, until all jobs are over.

import { setTimeout as delay } from 'node:timers/promises';
import type { Engine, JobId, JobState } from '../../model/engine/engine.ts';
import type { Job } from '../../model/engine/job.ts';
import type { BuildEvent, Emit, FailedLayer, Outcome } from '../../model/event.ts';
import { type Failure, fail } from '../../model/failure.ts';
import { textIfAny } from '../../util/fs.ts';
import { type JobLine, JobLines } from './job-lines.ts';
import type { LayerLogs } from './layer-logs.ts';

/** A job that an engine has. */
export interface PlacedJob {
  readonly id: JobId;
  readonly job: Job;
  /** The files that its output is appended to. */
  readonly stdout: string;
  readonly stderr: string;
}

export interface FollowOptions {
  readonly engine: Engine;
  readonly logs: LayerLogs;
  readonly keepGoing: boolean;
  readonly emit: Emit;
  /** Called when a layer is in the shared cache. */
  readonly onBuilt: (layer: string) => void;
  readonly signal: AbortSignal;
}

/** What came of the layers of all jobs. */
export interface Followed {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly failures: readonly FailedLayer[];
}

/** How often outputs are read, and the engine is asked; ms. */
const READ_EVERY = 250;
const ASK_EVERY = 3_000;
/** How long the engine may take to answer, ms. */
const ASK_WITHIN = 30_000;
/** How often the engine has to say that a job is over, until its output is not waited for: on a network, files may be late. */
const LATE = 2;
/** How long jobs that were cancelled may take to clean up, ms. */
const END_WITHIN = 60_000;

interface Followee extends PlacedJob {
  readonly lines: JobLines;
  /** Of its latest run. */
  node?: string;
  isOver: boolean;
  saidOver: number;
  /** Of its build, where no layer has one. */
  failure?: Failure | undefined;
}

/** Cancels jobs. Notes it if that fails. */
export async function cancelAll(engine: Engine, jobs: readonly JobId[], emit: Emit): Promise<void> {
  const done = await engine.cancel(jobs);
  if (done.ok) return;
  emit({ type: 'note', message: `jobs of ${engine.name} may still run: ${done.failure.message}` });
}

export class Follower {
  readonly #jobs: readonly Followee[];
  readonly #options: FollowOptions;
  readonly #outcomes = new Map<string, Outcome>();
  readonly #failures: { readonly job: Followee; readonly layer: string; readonly failure: Failure }[] = [];
  #isStopped = false;
  #isSilent = false;
  #askAt = 0;
  #isAsking = false;
  readonly #over = new AbortController();

  constructor(jobs: readonly PlacedJob[], options: FollowOptions) {
    this.#options = options;
    this.#jobs = jobs.map((job) => ({ ...job, lines: new JobLines(job.stdout), isOver: false, saidOver: 0 }));
  }

  /** Returns when all jobs are over. After a failure, without `keepGoing`, and on the signal, those that are not are cancelled. */
  async run(): Promise<Followed> {
    const { signal, keepGoing, logs } = this.#options;
    let until = Number.POSITIVE_INFINITY;
    while (this.#open().length > 0 && performance.now() < until) {
      for (const job of this.#open()) for (const line of job.lines.read()) this.#take(job, line);
      if (!this.#isStopped && (signal.aborted || (!keepGoing && this.#failures.length > 0))) {
        await this.#stop();
        until = performance.now() + END_WITHIN;
      }
      // An engine that takes its time to answer holds up nothing else.
      if (!this.#isAsking && performance.now() >= this.#askAt) void this.#ask();
      if (this.#open().length === 0) break;
      // The signal ends the first pause, and no other.
      await delay(READ_EVERY, undefined, this.#isStopped ? {} : { signal }).catch(() => {});
    }
    this.#over.abort();
    logs.close();
    const skipped = this.#jobs.flatMap((job) => job.job.layers.map((layer) => ({ job, layer })));
    return this.#ended(skipped.filter(({ layer }) => !this.#outcomes.has(layer)));
  }

  /** The end, with the layers that were not built, each of which another failure is the cause of. */
  #ended(skipped: readonly { readonly job: Followee; readonly layer: string }[]): Followed {
    for (const { layer } of skipped) this.#finish(layer, 'skipped');
    const failures = this.#failures.map(({ layer, failure }) => ({
      layer,
      failure,
      skipped: [] as string[],
    }));
    for (const { job, layer } of skipped) {
      const below = this.#below(job);
      const cause = this.#failures.findIndex((one) => below.has(one.job.job.name));
      failures[Math.max(0, cause)]?.skipped.push(layer);
    }
    return { outcomes: this.#outcomes, failures };
  }

  #open(): readonly Followee[] {
    return this.#jobs.filter(({ isOver }) => !isOver);
  }

  /** The names of a job and of those that it needs, directly or not. */
  #below({ job }: Followee): ReadonlySet<string> {
    const names = new Set([job.name]);
    // Each job comes after those that it needs.
    for (const { job: other } of this.#jobs.toReversed()) {
      if (names.has(other.name)) for (const need of other.needs) names.add(need);
    }
    return names;
  }

  async #stop(): Promise<void> {
    this.#isStopped = true;
    this.#askAt = 0;
    const { engine, emit } = this.#options;
    await cancelAll(
      engine,
      this.#open().map(({ id }) => id),
      emit,
    );
  }

  /** Asks the engine about jobs that say nothing themselves: that wait, were cancelled, or whose node died. */
  async #ask(): Promise<void> {
    const { engine, emit } = this.#options;
    const open = this.#open();
    if (open.length === 0) return;
    const ids = open.map(({ id }) => id);
    this.#isAsking = true;
    const signal = AbortSignal.any([AbortSignal.timeout(ASK_WITHIN), this.#over.signal]);
    const states = await engine.watch(ids, signal);
    this.#isAsking = false;
    if (this.#over.signal.aborted) return;
    this.#askAt = performance.now() + (this.#isStopped ? READ_EVERY : ASK_EVERY);
    if (!states.ok) {
      const message = `${engine.name} does not answer, and is asked again: ${states.failure.message}`;
      if (!this.#isSilent) emit({ type: 'note', message });
      this.#isSilent = true;
      return;
    }
    this.#isSilent = false;
    for (const job of open) {
      // It may have said so itself by now.
      if (job.isOver) continue;
      const state = states.value.get(job.id);
      if (state?.state !== 'over') job.saidOver = 0;
      else if (job.saidOver++ >= LATE || this.#isCancelled(job)) this.#lost(job, state);
    }
  }

  /** Whether a job ended since this build cancelled it, or since one that it needs failed. */
  #isCancelled(job: Followee): boolean {
    const below = this.#below(job);
    return this.#isStopped || this.#failures.some((one) => below.has(one.job.job.name));
  }

  /** A job is over, and has not said how. */
  #lost(job: Followee, { word, node = job.node }: JobState): void {
    job.isOver = true;
    if (this.#isCancelled(job)) return;
    this.#failJob(job, `ended${node === undefined ? '' : ` on ${node}`} without a result: ${word}`);
  }

  #finish(layer: string, outcome: Outcome): void {
    this.#outcomes.set(layer, outcome);
    this.#options.emit({ type: 'layer-finished', layer, outcome, seconds: 0 });
  }

  #failJob(job: Followee, how: string): void {
    const { engine } = this.#options;
    const { failure } = fail('host', `job ${job.id} of ${engine.name} ${how}`, {
      hint: 'see what the engine says of the job',
      detail: (textIfAny(job.stderr) ?? '').trimEnd().split('\n').slice(-10).filter(Boolean),
    });
    const layer = job.job.layers.find((name) => !this.#outcomes.has(name));
    this.#fail(job, layer ?? job.job.name, failure, 0);
  }

  #fail(job: Followee, layer: string, failure: Failure, seconds: number): void {
    this.#failures.push({ job, layer, failure });
    this.#outcomes.set(layer, 'failed');
    this.#options.emit({ type: 'layer-finished', layer, outcome: 'failed', seconds, failure });
  }

  #take(job: Followee, line: JobLine): void {
    const { emit } = this.#options;
    if (line.type === 'job-started') {
      const before = job.node;
      if (before !== undefined) {
        emit({ type: 'note', message: `${job.job.name} begins again on ${line.node}: ${before} failed` });
      }
      Object.assign(job, { node: line.node, saidOver: 0, failure: undefined });
    } else if (line.type === 'job-ended') this.#jobEnded(job, line.status);
    else if (line.type === 'note') emit({ ...line, message: `${job.node}: ${line.message}` });
    else if (line.type === 'finished') job.failure = line.failures.length === 0 ? line.failure : undefined;
    // What it only fetched does not count.
    else if ('layer' in line && job.job.layers.includes(line.layer)) this.#takeOfLayer(job, line);
  }

  #jobEnded(job: Followee, status: number): void {
    job.isOver = true;
    const left = job.job.layers.filter((layer) => !this.#outcomes.has(layer));
    const [layer] = left;
    if (status === 0) {
      for (const one of left) {
        this.#finish(one, 'restored');
        this.#options.onBuilt(one);
      }
    } else if (layer === undefined || this.#isStopped || this.#failures.some((one) => one.job === job))
      return;
    else if (job.failure) this.#fail(job, layer, job.failure, 0);
    else this.#failJob(job, `ended on ${job.node} with the status ${status}`);
  }

  #takeOfLayer(job: Followee, event: BuildEvent & { readonly layer: string }): void {
    const { emit, logs, onBuilt } = this.#options;
    const { layer } = event;
    // It runs again, though it was built: the first run could not be shared in time.
    if (this.#outcomes.has(layer)) return;
    if (event.type === 'layer-started') {
      logs.begin(layer, emit);
      emit({ ...event, ...(job.node === undefined ? {} : { node: job.node }) });
    } else if (event.type === 'layer-finished') {
      const { outcome, failure, seconds } = event;
      logs.end(layer);
      if (outcome === 'failed' && failure) {
        // It was cancelled.
        if (this.#isStopped && failure.kind === 'interrupted') return;
        this.#fail(job, layer, logs.asHere(layer, failure), seconds);
      } else if (outcome !== 'skipped') {
        this.#outcomes.set(layer, outcome);
        emit(event);
        onBuilt(layer);
      }
    } else {
      if (event.type === 'output') logs.write(layer, event.line);
      emit(event);
    }
  }
}
