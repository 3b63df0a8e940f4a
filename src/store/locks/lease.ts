// Leases: the artifacts that running builds use. A lease is a file named after its owner; it ends with the owner's
// process.

import { appendFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { namesIn, textIfAny } from '../../util/fs.ts';
import { makeSharedDirectory, shareWithGroup } from '../local/group-access.ts';
import { FRESH_FOR, startHeartbeat } from './heartbeat.ts';
import type { IsAlive } from './lock.ts';

/** The lease of this process. Its file is created with the first artifact. */
export class Lease {
  readonly #file: string;
  readonly #names = new Set<string>();
  #heartbeat: Disposable | undefined;

  constructor(directory: string, owner: string) {
    this.#file = path.join(directory, owner);
  }

  get isEmpty(): boolean {
    return this.#names.size === 0;
  }

  /** Leases artifacts, by file name. Throws node's fs errors. */
  add(names: readonly string[]): void {
    const more = names.filter((name) => !this.#names.has(name));
    if (more.length === 0) return;
    makeSharedDirectory(path.dirname(this.#file));
    appendFileSync(this.#file, more.map((name) => `${name}\n`).join(''));
    if (this.isEmpty) shareWithGroup(this.#file);
    for (const name of more) this.#names.add(name);
    this.#heartbeat ??= startHeartbeat(this.#file);
  }

  release(): void {
    this.#heartbeat?.[Symbol.dispose]();
    this.#heartbeat = undefined;
    if (this.#names.size > 0) rmSync(this.#file, { force: true });
    this.#names.clear();
  }
}

/** Removes the leases of the dead. Throws node's fs errors. */
export function forgetDead(directory: string, isAlive: IsAlive): void {
  for (const owner of namesIn(directory)) {
    const file = path.join(directory, owner);
    if (!isAlive(owner, file, FRESH_FOR)) rmSync(file, { force: true });
  }
}

/**
 * The artifacts that living processes have leased, by file name.
 * @param except the name of a process to ignore
 */
export function leasedNames(directory: string, isAlive: IsAlive, except?: string): ReadonlySet<string> {
  const leased = new Set<string>();
  for (const owner of namesIn(directory)) {
    const file = path.join(directory, owner);
    if (owner === except || !isAlive(owner, file, FRESH_FOR)) continue;
    for (const name of (textIfAny(file) ?? '').split('\n')) {
      if (name !== '') leased.add(name);
    }
  }
  return leased;
}
