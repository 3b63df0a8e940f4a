// The keys that the bucket did not have, so that a plan and its execution make one request.

import type { Key } from '../../model/artifact.ts';

/** How long a miss is remembered, ms. */
const COUNTS = 60_000;

export class Misses {
  /** When each was looked up; `Infinity` for records that turned out to be unusable. */
  readonly #at = new Map<Key, number>();

  has(key: Key): boolean {
    const at = this.#at.get(key);
    return at !== undefined && performance.now() - at < COUNTS;
  }

  add(key: Key): void {
    this.#at.set(key, performance.now());
  }

  /** The record is not looked up any more. */
  addUnusable(key: Key): void {
    this.#at.set(key, Number.POSITIVE_INFINITY);
  }

  /** Has a key looked up once more, unless its record was unusable. */
  forget(key: Key): void {
    if (this.#at.get(key) !== Number.POSITIVE_INFINITY) this.#at.delete(key);
  }
}
