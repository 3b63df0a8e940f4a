// The queue: one job of a project runs at a time, the others wait. A job that was waiting when the server ended is lost.

import type { Emit, Finished } from '../../model/event.ts';
import { type Failure, fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { Watchers } from '../../workspace/request.ts';
import type { JobFiles, Journal } from './files.ts';
import { hasEnded, type Job, type JobRequest, type JobState } from './job.ts';

/** How many jobs may wait. */
const MOST_WAITING = 20;

/** Does the work of a job. Fails when nothing was begun. @param secrets their values, by name */
export type RunJob = (
  request: JobRequest,
  secrets: ReadonlyMap<string, string>,
  watchers: Watchers,
) => Promise<Result<Finished>>;

/** A job that has not ended. Secrets are nowhere else, and gone with it: its file does not have them. */
interface Pending {
  readonly job: Job;
  readonly secrets: ReadonlyMap<string, string>;
  readonly abort: AbortController;
}

export class Queue {
  readonly files: JobFiles;
  readonly #owner: string;
  readonly #run: RunJob;
  readonly #waiting: Pending[] = [];
  #running: (Pending & { readonly ended: Promise<void> }) | undefined;
  #isClosed = false;

  constructor(files: JobFiles, owner: string, run: RunJob) {
    this.files = files;
    this.#owner = owner;
    this.#run = run;
  }

  /**
   * Adds a job, which begins at once if no other runs. Fails as `usage` when too many wait, as `host` when it cannot be written,
   * and when the server ends.
   */
  add(
    request: JobRequest,
    user: string | undefined,
    secrets: ReadonlyMap<string, string> = NO_SECRETS,
  ): Result<Job> {
    if (this.#isClosed) return fail('host', 'the server is about to end');
    if (this.#waiting.length >= MOST_WAITING) {
      return fail('usage', `${MOST_WAITING} jobs are waiting`, {
        hint: 'cancel some, or wait until they have run',
      });
    }
    const job: Job = {
      id: this.files.newId(),
      request,
      state: 'waiting',
      created: new Date().toISOString(),
      ...(user === undefined ? {} : { user }),
      owner: this.#owner,
    };
    try {
      this.files.save(job);
      this.files.removeOld();
    } catch (error) {
      return failAt(this.files.eventsOf(job.id), 'cannot write the job', error);
    }
    this.#waiting.push({ job, secrets, abort: new AbortController() });
    this.#next();
    return ok(this.files.find(job.id) ?? job);
  }

  /** Cancels a job; one that has ended stays as it is. Fails as `usage` for one of another process. */
  cancel(id: string): Result<Job | undefined> {
    const at = this.#waiting.findIndex(({ job }) => job.id === id);
    const [waiting] = at < 0 ? [] : this.#waiting.splice(at, 1);
    if (waiting) this.#save(ended(waiting.job, 'cancelled', undefined));
    if (this.#running?.job.id === id) this.#running.abort.abort();
    const job = this.files.find(id);
    if (!job || hasEnded(job) || job.owner === this.#owner) return ok(job);
    return fail('usage', 'the job is one of another server', {
      hint: `stop that one: it is process ${job.owner}`,
    });
  }

  /** Cancels everything; settles when nothing runs any more. Nothing is added from then on: connections outlast this. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { job } of this.#waiting.splice(0)) this.#save(ended(job, 'cancelled', undefined));
    this.#running?.abort.abort();
    await this.#running?.ended;
  }

  #next(): void {
    if (this.#running) return;
    const next = this.#waiting.shift();
    if (!next) return;
    const running: Job = { ...next.job, state: 'running', started: new Date().toISOString() };
    this.#save(running);
    const done = this.#work(running, next.secrets, next.abort.signal).finally(() => {
      this.#running = undefined;
      this.#next();
    });
    this.#running = { ...next, ended: done };
  }

  /** Never fails: what went wrong is in the job. */
  async #work(job: Job, secrets: Pending['secrets'], signal: AbortSignal): Promise<void> {
    const journal = this.files.journal(job.id);
    const failure = await this.#failureOf(job.request, secrets, journal, signal);
    await journal.close();
    const isCancelled = signal.aborted && failure !== undefined;
    const state = failure === undefined ? 'done' : isCancelled ? 'cancelled' : 'failed';
    this.#save(ended(job, state, failure));
  }

  async #failureOf(
    request: JobRequest,
    secrets: Pending['secrets'],
    { emit, drained }: Journal,
    signal: AbortSignal,
  ): Promise<Failure | undefined> {
    try {
      const finished = await this.#run(request, secrets, { emit, drained, signal });
      if (finished.ok) {
        const { failures, failure, ok: isGood } = finished.value;
        return isGood ? undefined : (failures[0]?.failure ?? failure ?? UNKNOWN);
      }
      notStarted(emit, finished.failure);
      return finished.failure;
    } catch (error) {
      const { failure } = fail('host', `internal error: ${String(error)}`, {
        hint: 'report it as a defect of vlb',
      });
      notStarted(emit, failure);
      return failure;
    }
  }

  /** The job continues where its state cannot be written; when it has ended, it is then shown as lost. */
  #save(job: Job): void {
    try {
      this.files.save(job);
    } catch {}
  }
}

const NO_SECRETS: Pending['secrets'] = new Map();
const UNKNOWN: Failure = { kind: 'work', message: 'the job failed' };

function ended(job: Job, state: JobState, failure: Failure | undefined): Job {
  const { kind, message, hint } = failure ?? {};
  return {
    ...job,
    state,
    ended: new Date().toISOString(),
    ...(kind === undefined || message === undefined ? {} : { failure: { kind, message, hint } }),
  };
}

/** The event of a job that could not begin, as `--progress json` has it. */
function notStarted(emit: Emit, failure: Failure): void {
  emit({ type: 'finished', ok: false, counts: NOTHING, seconds: 0, failure, failures: [] });
}

const NOTHING = { fresh: 0, restored: 0, built: 0, failed: 0, skipped: 0 } as const;
