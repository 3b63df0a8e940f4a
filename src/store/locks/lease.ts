// Leases: what running builds hold in a store. A lease is a file that names its owner and dies with it.

import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { namesIn, textIfAny } from '../../util/fs.ts';

/** The lease of this process. It is made with the first thing it holds. */
export class Lease {
  readonly #file: string;
  readonly #held = new Set<string>();

  constructor(directory: string, owner: string) {
    this.#file = path.join(directory, owner);
  }

  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  /** Holds artifacts, by the names of their files. Throws node's fs errors. */
  add(names: readonly string[]): void {
    const more = names.filter((name) => !this.#held.has(name));
    if (more.length === 0) return;
    mkdirSync(path.dirname(this.#file), { recursive: true });
    appendFileSync(this.#file, more.map((name) => `${name}\n`).join(''));
    for (const name of more) this.#held.add(name);
  }

  release(): void {
    if (this.#held.size > 0) rmSync(this.#file, { force: true });
    this.#held.clear();
  }
}

/** Removes the leases of the dead. Throws node's fs errors. */
export function forgetDead(directory: string, isAlive: (owner: string) => boolean): void {
  for (const owner of namesIn(directory)) {
    if (!isAlive(owner)) rmSync(path.join(directory, owner), { force: true });
  }
}

/**
 * What all living processes hold, by the names of artifacts.
 * @param except a process that does not count
 */
export function leasedNames(
  directory: string,
  isAlive: (owner: string) => boolean,
  except?: string,
): ReadonlySet<string> {
  const held = new Set<string>();
  for (const owner of namesIn(directory)) {
    if (owner === except || !isAlive(owner)) continue;
    for (const name of (textIfAny(path.join(directory, owner)) ?? '').split('\n')) {
      if (name !== '') held.add(name);
    }
  }
  return held;
}
