// The layers that failed: none is tried again under the key under which it did.

import type { Key } from '../model/artifact.ts';
import type { Failure } from '../model/failure.ts';

/** Enough for going to and fro between branches; without an end it would grow as long as somebody watches. */
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

  /** The person wants them tried again. */
  clear(): void {
    this.#failures.clear();
  }
}
