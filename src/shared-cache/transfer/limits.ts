// Limits how many artifacts are transferred at the same time, since each has several parts in memory.
//
// The semaphore is 20 lines; p-limit would not be shorter to use, since a large artifact takes two limits.

const FETCHED_AT_ONCE = 4;
const PUSHED_AT_ONCE = 2;
/** How many of those, in each direction, may be large: two of them need nearly 200 MB. */
const LARGE_AT_ONCE = 1;
/** Bytes. */
const LARGE = 16 * 2 ** 20;

export class TransferLimits {
  readonly #fetched = new Semaphore(FETCHED_AT_ONCE);
  readonly #pushed = new Semaphore(PUSHED_AT_ONCE);
  readonly #largeFetched = new Semaphore(LARGE_AT_ONCE);
  readonly #largePushed = new Semaphore(LARGE_AT_ONCE);

  /** Runs the fetch of an artifact of this size when the limits allow it. */
  fetch<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const fetched = () => this.#fetched.within(work);
    return bytes < LARGE ? fetched() : this.#largeFetched.within(fetched);
  }

  /** Runs the push of an artifact of this size when the limits allow it. */
  push<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const pushed = () => this.#pushed.within(work);
    return bytes < LARGE ? pushed() : this.#largePushed.within(pushed);
  }
}

/** Runs at most this many at once, first come, first served. */
class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  async within<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
