// The files of jobs: for each, what it is (`<id>.json`, replaced as a whole) and its events (`<id>.events`, a line each). They
// are all that there is: a server that was killed leaves them, and the next one reads them.

import { randomBytes } from 'node:crypto';
import { createWriteStream, renameSync, rmSync, type WriteStream, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { type BuildEvent, EVENT_VERSION } from '../../model/event.ts';
import { attempt } from '../../util/errors.ts';
import { makeDirectories, namesIn, textIfAny } from '../../util/fs.ts';
import { hasEnded, JOB, JOB_ID, type Job } from './job.ts';

/** How many jobs that have ended are kept. */
const KEPT = 50;
/** Bytes of output that the events of a job hold: the log of a layer has all of it. */
const MOST_OUTPUT = 16 * 2 ** 20;
/** Bytes that may wait to be written before scripts have to. */
const HIGH_WATER = 2 ** 20;

export class JobFiles {
  readonly #directory: string;
  readonly #isAlive: (owner: string) => boolean;

  /** @param directory absolute path, which need not exist */
  constructor(directory: string, isAlive: (owner: string) => boolean) {
    this.#directory = directory;
    this.#isAlive = isAlive;
  }

  /** A new identifier; those of later jobs sort behind it. */
  newId(): string {
    return `${new Date().toISOString().replace(/[-:.Z]/g, '')}-${randomBytes(4).toString('hex')}`;
  }

  /** All jobs, the newest first. */
  list(): readonly Job[] {
    return this.#ids().flatMap((id) => this.find(id) ?? []);
  }

  /** One job; undefined when there is none. That of a process that was killed is lost. */
  find(id: string): Job | undefined {
    if (!JOB_ID.test(id)) return undefined;
    const text = textIfAny(this.#file(id, 'json'));
    const parsed =
      text === undefined
        ? undefined
        : v.safeParse(
            JOB,
            attempt(() => JSON.parse(text)),
          );
    if (!parsed?.success) return undefined;
    const job = parsed.output;
    return hasEnded(job) || this.#isAlive(job.owner) ? job : { ...job, state: 'lost' };
  }

  /** Writes a job. Throws node's fs errors. */
  save(job: Job): void {
    makeDirectories(this.#directory, 0o700);
    const file = this.#file(job.id, 'json');
    writeFileSync(`${file}.new`, `${JSON.stringify(job)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  /** Removes the oldest jobs that have ended. */
  removeOld(): void {
    for (const { id } of this.list().filter(hasEnded).slice(KEPT)) {
      for (const kind of ['json', 'events'] as const) rmSync(this.#file(id, kind), { force: true });
    }
  }

  /** The file with the events of a job. It exists once the job has begun. */
  eventsOf(id: string): string {
    return this.#file(id, 'events');
  }

  /** Opens the events of a job to be written. */
  journal(id: string): Journal {
    return new Journal(createWriteStream(this.eventsOf(id), { mode: 0o600, highWaterMark: HIGH_WATER }));
  }

  #ids(): readonly string[] {
    const ids = namesIn(this.#directory).flatMap((name) => (name.endsWith('.json') ? name.slice(0, -5) : []));
    return ids.sort().reverse();
  }

  #file(id: string, kind: 'json' | 'events'): string {
    return path.join(this.#directory, `${id}.${kind}`);
  }
}

/** The events of one job, as they come. */
export class Journal {
  readonly #stream: WriteStream;
  #output = 0;
  #error: Error | undefined;
  #drained: Promise<void> | undefined;

  constructor(stream: WriteStream) {
    this.#stream = stream;
    stream.on('error', (error) => {
      this.#error ??= error; // a full disk: the build itself is not harmed
    });
  }

  /** Adds an event. Output beyond a limit is left out, with a note. */
  readonly emit = (event: BuildEvent): void => {
    if (event.type === 'output' || event.type === 'check-output') {
      const before = this.#output;
      this.#output += Buffer.byteLength(event.line) + 1;
      if (this.#output > MOST_OUTPUT) {
        if (before <= MOST_OUTPUT) this.#write({ type: 'note', message: LEFT_OUT });
        return;
      }
    }
    this.#write(event);
  };

  /** Settles when the events so far are in the file, or nearly; undefined when they are. */
  readonly drained = (): Promise<void> | undefined => {
    if (!this.#stream.writableNeedDrain || this.#error) return undefined;
    this.#drained ??= new Promise<void>((resolve) => {
      const done = () => {
        this.#drained = undefined;
        resolve();
      };
      this.#stream.once('drain', done).once('error', done);
    });
    return this.#drained;
  };

  /** Writes what is left. */
  async close(): Promise<void> {
    if (this.#error) return;
    await new Promise<void>((resolve) => {
      this.#stream.once('error', () => resolve());
      this.#stream.end(() => resolve());
    });
  }

  #write(event: BuildEvent): void {
    if (!this.#error) this.#stream.write(`${JSON.stringify({ ...event, version: EVENT_VERSION })}\n`);
  }
}

const LEFT_OUT = 'more output is not shown here: the logs of the layers have all of it';
