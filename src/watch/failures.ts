// The keys under which layers failed: a layer is not retried under the same key.

import type { Key } from '../model/artifact.ts';
import type { Failure } from '../model/failure.ts';

/** How many failures are remembered: enough for switching between branches, and bounded however long vlb watches. */
const KEPT = 100;

export class Failures {
  readonly #failures = new Map<Key, Failure>();

  get size(): number {
    return this.#failures.size;
  }

  get(key: Key): Failure | undefined {
    return this.#failures.get(key);
  }

  add(key: Key, failure: Failure): void {
    this.#failures.delete(key);
    this.#failures.set(key, failure);
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > KEPT && oldest !== undefined) this.#failures.delete(oldest);
  }

  /** Allows all of them to be retried. */
  clear(): void {
    this.#failures.clear();
  }
}
