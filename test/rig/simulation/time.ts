// Simulated time: the clocks and timers of this process stand still until they are moved, which takes no time. Not node:test's
// mock.timers, since those leave node:timers/promises alone, and fire everything that is due before anything follows from it.
// They are replaced for the whole life of the process: see main.ts.

import { syncBuiltinESMExports } from 'node:module';
import timers, { setImmediate as settle } from 'node:timers/promises';

interface Entry {
  at: number;
  readonly order: number;
  readonly every: number | undefined;
  readonly call: () => void;
  isOver: boolean;
}

/** What setTimeout and setInterval return here. */
class SimulatedTimer {
  readonly #time: SimulatedTime;
  readonly #delay: number;
  entry: Entry;

  constructor(time: SimulatedTime, delay: number, entry: Entry) {
    this.#time = time;
    this.#delay = delay;
    this.entry = entry;
  }

  refresh(): this {
    if (this.entry.isOver) return this;
    this.entry.isOver = true;
    this.entry = this.#time.schedule(this.#delay, this.entry.every, this.entry.call);
    return this;
  }

  unref(): this {
    return this;
  }
}

export class SimulatedTime {
  /** In ms. */
  now = 0;
  #order = 0;
  /** A binary heap, the next one first. */
  readonly #heap: Entry[] = [];

  /**
   * Replaces the clocks and timers.
   * @param random in place of Math.random
   */
  constructor(random: () => number) {
    const set =
      (every: boolean) =>
      (call: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
        const delay = Math.max(1, ms ?? 1);
        const entry = this.schedule(delay, every ? delay : undefined, () => call(...args));
        return new SimulatedTimer(this, delay, entry);
      };
    const clear = (timer: unknown) => {
      if (timer instanceof SimulatedTimer) timer.entry.isOver = true;
    };
    Object.assign(globalThis, {
      ...{ setTimeout: set(false), setInterval: set(true), clearTimeout: clear, clearInterval: clear },
    });
    Object.assign(timers, { setTimeout: this.#delay });
    syncBuiltinESMExports();
    const now = () => this.now;
    Object.assign(Date, { now });
    Object.assign(performance, { now });
    Object.assign(Math, { random });
    const timeout = (ms: number) => {
      const controller = new AbortController();
      this.schedule(ms, undefined, () => controller.abort());
      return controller.signal;
    };
    Object.assign(AbortSignal, { timeout });
  }

  schedule(delay: number, every: number | undefined, call: () => void): Entry {
    const entry = { at: this.now + delay, order: this.#order++, every, call, isOver: false };
    this.#push(entry);
    return entry;
  }

  /**
   * Moves time until `work` is done. Returns how long that took, in simulated ms.
   * @throws where nothing is waited for, or when it takes longer than `limit`
   */
  async run(work: Promise<unknown>, limit: number): Promise<number> {
    const began = this.now;
    let isDone = false;
    work
      .finally(() => {
        isDone = true;
      })
      .catch(() => {}); // thrown below
    for (;;) {
      await settle(); // all that follows without a timer
      if (isDone) break;
      const next = this.#pop();
      if (!next) throw new Error('everything waits, and nothing for time');
      this.now = next.at;
      if (this.now - began > limit) throw new Error(`not done after ${limit / 1000} simulated seconds`);
      if (next.every !== undefined) {
        next.at += next.every;
        this.#push(next);
      } else next.isOver = true;
      next.call();
    }
    await work;
    return this.now - began;
  }

  readonly #delay = (ms: number, value?: unknown, { signal }: { signal?: AbortSignal } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        entry.isOver = true;
        reject(signal?.reason);
      };
      const entry = this.schedule(ms, undefined, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve(value);
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (!above || isBefore(above, entry)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  /** The next one that is not over. */
  #pop(): Entry | undefined {
    const heap = this.#heap;
    for (;;) {
      const [first] = heap;
      const last = heap.pop();
      if (!first || !last) return undefined;
      if (first !== last) this.#sink(last);
      if (!first.isOver) return first;
    }
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      const isRight = left && right && isBefore(right, left);
      const child = isRight ? right : left;
      if (!child || isBefore(entry, child)) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = entry;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
