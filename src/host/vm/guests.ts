// The guests of a build. A script can take over the kernel of the guest that it runs in, and with it all that runs there at the same
// time or later. So a guest serves one run at a time, and after it only runs that depend on its result anyway.

import { mkdirSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { Key } from '../../model/artifact.ts';
import { fail, failAt, type Result } from '../../model/failure.ts';
import type { RunOwner } from '../../model/ports/machine.ts';
import { removeTree } from '../process/remove-tree.ts';
import { DEFAULT_MEMORY_MIB, type Guest, type GuestOptions, startGuest } from './guest.ts';

/** How many guests that no run uses are kept for those that may follow. */
const MOST_IDLE = 2;
const MEBIBYTE = 1024 * 1024;

/** A guest, from its start on. */
interface Place {
  readonly directory: string;
  readonly guest: Promise<Result<Guest>>;
  /** The keys of the runs that were in it. */
  readonly ran: Key[];
  readonly hasHostTools: boolean;
  isBusy: boolean;
}

/** A guest for one run. */
export interface Taken {
  readonly guest: Result<Guest>;
  /** To be called when the run has ended. */
  leave(): void;
}

export class Guests {
  readonly #options: GuestOptions;
  readonly #start: typeof startGuest;
  readonly #most: number;
  /** In the order of their last use. */
  readonly #places = new Set<Place>();
  #waiting: (() => void)[] = [];
  readonly #endings = new Set<Promise<void>>();
  #stop = new AbortController();

  /** @param start for tests */
  constructor(options: GuestOptions, start = startGuest, memory = totalmem()) {
    this.#options = options;
    this.#start = start;
    const each = (options.memoryMiB ?? DEFAULT_MEMORY_MIB) * MEBIBYTE;
    this.#most = Math.max(1, Math.floor(memory / 2 / each));
  }

  /**
   * Returns a guest in which nothing ran that the run does not depend on; one that is new, where there is no such guest. Waits while the
   * guests would take more than half of this machine's memory.
   * @param directory of the run: that of a new guest is beside it
   */
  async take(directory: string, owner: RunOwner | undefined): Promise<Taken> {
    const { signal } = this.#stop;
    for (;;) {
      const known = await this.#find(owner);
      if (signal.aborted) {
        return { guest: fail('interrupted', 'the virtual machine was ended'), leave: () => {} };
      }
      if (known) return this.#use(known, owner);
      if (this.#places.size < this.#most) return this.#use(this.#open(directory, owner), owner);
      const idle = [...this.#places].find((place) => !place.isBusy);
      if (idle) await this.#end(idle);
      else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Ends all guests, also those that boot. */
  async close(): Promise<void> {
    const stop = this.#stop;
    this.#stop = new AbortController();
    stop.abort();
    this.#wake();
    for (const place of this.#places) void this.#end(place);
    await Promise.all(this.#endings);
  }

  /** An idle guest that the run may use; the one with most of what it depends on, that was used last. */
  async #find(owner: RunOwner | undefined): Promise<Place | undefined> {
    if (owner?.key === undefined) return undefined;
    const trusted = new Set([owner.key, ...owner.below]);
    const able = [...this.#places].filter(
      ({ isBusy, ran, hasHostTools }) =>
        !isBusy && ran.every((key) => trusted.has(key)) && (hasHostTools || !owner.usesHostTools),
    );
    const [best] = able.reverse().sort((a, b) => b.ran.length - a.ran.length);
    if (!best) return undefined;
    best.isBusy = true;
    const guest = await best.guest;
    if (guest.ok && !guest.value.hasEnded && this.#places.has(best)) return best;
    await this.#end(best);
    return this.#find(owner);
  }

  #open(directory: string, owner: RunOwner | undefined): Place {
    const own = `${directory}-vm`;
    const hasHostTools = owner?.usesHostTools ?? false;
    const start = async () => {
      try {
        mkdirSync(own, { mode: 0o700 });
      } catch (error) {
        return failAt(own, 'cannot create the directory of the virtual machine', error);
      }
      return this.#start(own, { ...this.#options, hasHostTools }, this.#stop.signal);
    };
    return { directory: own, guest: start(), ran: [], hasHostTools, isBusy: true };
  }

  async #use(place: Place, owner: RunOwner | undefined): Promise<Taken> {
    place.isBusy = true;
    const key = owner?.key;
    if (key !== undefined) place.ran.push(key);
    this.#places.delete(place);
    this.#places.add(place);
    const guest = await place.guest;
    const leave = () => {
      place.isBusy = false;
      const idle = [...this.#places].filter(({ isBusy }) => !isBusy);
      for (const old of key !== undefined && guest.ok ? idle.slice(0, -MOST_IDLE) : [place])
        void this.#end(old);
      this.#wake();
    };
    if (!guest.ok) await this.#end(place);
    return { guest, leave };
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Once for each guest, also if it is called twice; each call waits until it has ended. */
  #end(place: Place): Promise<void> {
    if (!this.#places.delete(place)) return Promise.all(this.#endings).then(() => undefined);
    const ending = (async () => {
      const started = await place.guest;
      if (started.ok) await started.value[Symbol.asyncDispose]();
      await removeTree(place.directory);
    })();
    this.#endings.add(ending);
    void ending.then(() => {
      this.#endings.delete(ending);
      this.#wake();
    });
    return ending;
  }
}
