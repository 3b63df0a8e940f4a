// Machines that are tried: booted, with their serial consoles. What they write to their disks is discarded.

import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { fail, ok, type Result } from '../model/failure.ts';
import type { OpenMachine } from '../model/ports/booter.ts';
import { findMachine } from '../workspace/boot/find-machine.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** How many machines run at once. */
const MOST_MACHINES = 2;
/** How long each runs at most. */
const LONGEST_MILLISECONDS = 60 * 60 * 1000;
/** Bytes of a console that are kept: a watcher that comes later sees these. */
const KEPT = 2 ** 20;
const POLL_MILLISECONDS = 50;

export interface Console {
  readonly id: string;
  /** The machine, image or layer. */
  readonly name: string;
  readonly why: string;
  readonly isRunning: boolean;
}

export class Consoles {
  readonly #running = new Map<string, Running>();
  #starting = 0;
  /** Aborts when the server ends. */
  readonly #end = new AbortController();

  /** Boots a machine, an image or a layer of the project, which has to be built. Fails as `usage` and `host`. */
  async start(name: string, workspace: Workspace): Promise<Result<Console>> {
    if (this.#running.size + this.#starting >= MOST_MACHINES) {
      return fail('usage', `${MOST_MACHINES} machines are running`, { hint: 'end one of them' });
    }
    this.#starting++;
    try {
      const described = await findMachine(name, workspace);
      if (!described.ok) return described;
      const booter = await workspace.parts.booter();
      const seed = booter.defaultSeed(workspace.directory);
      const opened = await booter.open({ ...described.value, seed }, this.#end.signal);
      if (!opened.ok) return opened;
      const id = randomBytes(8).toString('hex');
      const running = new Running(id, name, opened.value, () => this.#running.delete(id));
      this.#running.set(id, running);
      if (this.#end.signal.aborted) await running.end();
      return ok(running.about);
    } finally {
      this.#starting--;
    }
  }

  list(): readonly Console[] {
    return [...this.#running.values()].map(({ about }) => about);
  }

  find(id: string): Running | undefined {
    return this.#running.get(id);
  }

  /** Ends all machines, also those that are about to start. */
  async close(): Promise<void> {
    this.#end.abort();
    await Promise.all([...this.#running.values()].map((one) => one.end()));
  }
}

/** A machine that runs, and the end of what it wrote. */
export class Running {
  readonly #id: string;
  readonly #name: string;
  readonly #machine: OpenMachine;
  readonly #onEnd: () => void;
  readonly #timer: NodeJS.Timeout;
  #kept = Buffer.alloc(0);
  /** Bytes that were written in front of those that are kept. */
  #before = 0;
  #ending: Promise<void> | undefined;

  constructor(id: string, name: string, machine: OpenMachine, onEnd: () => void) {
    this.#id = id;
    this.#name = name;
    this.#machine = machine;
    this.#onEnd = onEnd;
    this.#timer = setTimeout(() => void this.end(), LONGEST_MILLISECONDS);
    void this.#read();
  }

  get about(): Console {
    const { why } = this.#machine;
    return { id: this.#id, name: this.#name, why, isRunning: this.#ending === undefined };
  }

  type(text: string): void {
    if (this.#ending) return;
    this.#machine.type(text);
  }

  /** Ends the machine. */
  end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#ending ??= this.#dispose();
    return this.#ending;
  }

  async #dispose(): Promise<void> {
    await this.#machine[Symbol.asyncDispose]();
    this.#onEnd();
  }

  /** What it writes, from a number of bytes on, as far as that is kept; undefined now and then while nothing comes. */
  async *output(
    from: number,
    signal: AbortSignal,
  ): AsyncGenerator<{ bytes: Buffer; end: number } | undefined> {
    let place = from;
    while (!signal.aborted) {
      // Asked first: what was written before the end is all there is.
      const isOver = this.#ending !== undefined;
      const bytes = this.#kept.subarray(Math.max(0, place - this.#before));
      place = this.#before + this.#kept.length;
      if (bytes.length > 0) yield { bytes, end: place };
      if (isOver) return;
      yield undefined;
      await delay(POLL_MILLISECONDS, undefined, { signal }).catch(() => {}); // aborted: seen above
    }
  }

  async #read(): Promise<void> {
    try {
      for await (const bytes of this.#machine.console) {
        const all = Buffer.concat([this.#kept, bytes]);
        this.#kept = all.subarray(-KEPT);
        this.#before += all.length - this.#kept.length;
      }
    } catch {} // the console of a machine that was killed
    await this.end();
  }
}
