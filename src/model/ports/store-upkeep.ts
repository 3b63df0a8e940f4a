// The port of the store's keeping: what is in it, how much it may hold, and what is taken out of it.

import type { Digest, Keeping, Key } from '../artifact.ts';
import type { Result } from '../failure.ts';

/** How much a store may hold; what is undefined is not limited. */
export interface CacheLimits {
  /** Bytes that artifacts and damaged entries take up on the disk. */
  readonly maxBytes: number | undefined;
  /** Seconds for which an entry may lie unused. */
  readonly maxAge: number | undefined;
}

/** Those of a project whose vlb.yaml says nothing. */
export const DEFAULT_LIMITS: CacheLimits = { maxBytes: 50 * 2 ** 30, maxAge: 90 * 86_400 };

/** One artifact as a record binds it to a key, or one that no record names. */
export interface CacheEntry {
  /** Undefined where no record tells it. */
  readonly layer: string | undefined;
  readonly key: Key | undefined;
  readonly digest: Digest;
  readonly keeping: Keeping;
  /** On the disk. */
  readonly bytes: number;
  /** Both ISO 8601. A use within a day of another may not be noted. */
  readonly created: string;
  readonly lastUsed: string;
  /** Whether build/ of this project leads to it or to what stands on it. */
  readonly inPlace: boolean;
}

/** Things of one sort and what they take up on the disk. */
export interface Amount {
  readonly count: number;
  readonly bytes: number;
}

export interface CacheUsage {
  readonly directory: string;
  readonly records: Amount;
  /** All of them; those that no record names, `uncached` ones included, are also told apart in `unrecorded`. */
  readonly artifacts: Amount;
  readonly unrecorded: Amount;
  /** Deltas of builds that run. */
  readonly drafts: Amount;
  readonly damaged: Amount;
  /** What layers keep from build to build in their `cache-dir`. */
  readonly caches: Amount;
  readonly total: Amount;
  /** The directories of the projects that use the store. */
  readonly projects: readonly string[];
}

export interface Collected {
  /** In the order in which they go. */
  readonly removed: readonly CacheEntry[];
  /** What that gives back, damaged entries included. */
  readonly freed: Amount;
  readonly kept: Amount;
  /** What a running build holds or a living project's build/ leads to: part of `kept`. */
  readonly inUse: Amount;
}

export interface Cleared {
  readonly freed: Amount;
  /** What running builds hold. */
  readonly kept: Amount;
  /** How many links in build/ went with it. */
  readonly links: number;
  /** The directories of other projects whose images stood on what is gone. */
  readonly others: readonly string[];
}

export interface BadEntry {
  readonly layer: string | undefined;
  readonly file: string;
  /** What is wrong, behind the name: `has another digest`. */
  readonly what: string;
  /** Where it was moved; undefined when a running build holds it, and it was left. */
  readonly movedTo: string | undefined;
}

export interface Verified {
  readonly records: number;
  readonly artifacts: Amount;
  readonly bad: readonly BadEntry[];
}

export interface StoreUpkeep {
  usage(): Promise<CacheUsage>;
  /** Most recently used first. */
  entries(): Promise<readonly CacheEntry[]>;
  /**
   * Removes what is over the limits, least recently used first; never what a running build holds, what a living
   * project's build/ leads to, or what one of those kept stands on. Fails as `host` when that cannot be done.
   */
  collect(limits: CacheLimits, options: { readonly dryRun: boolean }): Promise<Result<Collected>>;
  /** Removes all but what running builds hold, and this project's links to it. */
  clear(): Promise<Result<Cleared>>;
  /** Reads everything, moves aside what is damaged. Fails as `interrupted` on the signal. */
  verify(onBad: (bad: BadEntry) => void, signal: AbortSignal): Promise<Result<Verified>>;
}
