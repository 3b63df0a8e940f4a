// One process at a time decides what stays in a store: a build that takes hold of entries, or one that removes some.

import path from 'node:path';
import { takeLock } from './lock.ts';

export interface GuardOptions {
  /** The store's. */
  readonly directory: string;
  /** The name of this process, see src/host/process/owner.ts. */
  readonly owner: string;
  readonly isAlive: (owner: string) => boolean;
}

/**
 * Does something short, and synchronous, while nobody else does such a thing in this store. Undefined when the signal
 * came first. Throws node's fs errors.
 */
export async function guarded<T>(
  { directory, owner, isAlive }: GuardOptions,
  signal: AbortSignal,
  work: () => T,
): Promise<T | undefined> {
  const file = path.join(directory, 'locks', 'guard');
  using lock = await takeLock({ file, owner, isAlive, onWait: () => {}, signal });
  return lock && work();
}
