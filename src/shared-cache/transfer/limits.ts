// How many artifacts move at the same time: they are held in memory in parts.

const FETCHED_AT_ONCE = 4;
const PUSHED_AT_ONCE = 2;
/** How many of those, in each direction, may be large: they have all their parts under way, and two of them come near 200 MB. */
const LARGE_AT_ONCE = 1;
/** Bytes. */
const LARGE = 16 * 2 ** 20;

export class TransferLimits {
  readonly #fetched = new Semaphore(FETCHED_AT_ONCE);
  readonly #pushed = new Semaphore(PUSHED_AT_ONCE);
  readonly #largeFetched = new Semaphore(LARGE_AT_ONCE);
  readonly #largePushed = new Semaphore(LARGE_AT_ONCE);

  /** Does what fetches an artifact of so many bytes once there is room for it. */
  fetch<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const fetched = () => this.#fetched.within(work);
    return bytes < LARGE ? fetched() : this.#largeFetched.within(fetched);
  }

  /** Does what pushes an artifact of so many bytes once there is room for it. */
  push<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const pushed = () => this.#pushed.within(work);
    return bytes < LARGE ? pushed() : this.#largePushed.within(pushed);
  }
}

/** So many at once, the others in their order. */
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
