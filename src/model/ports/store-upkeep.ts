// The port of the store's upkeep: its contents, its limits, garbage collection and verification.

import type { Digest, Key, Retention } from '../artifact.ts';
import type { Result } from '../failure.ts';

/** The limits of a store; undefined means unlimited. */
export interface CacheLimits {
  /** Disk usage of artifacts, cache points and damaged entries, bytes. */
  readonly maxBytes: number | undefined;
  /** Seconds for which an entry may be unused. */
  readonly maxAge: number | undefined;
}

/** The limits of a project whose vlb.yaml sets none. */
export const DEFAULT_LIMITS: CacheLimits = { maxBytes: 50 * 2 ** 30, maxAge: 90 * 86_400 };

/** An artifact with the key that a record binds it to, or one without a record. */
export interface CacheEntry {
  /** Undefined without a record. */
  readonly layer: string | undefined;
  readonly key: Key | undefined;
  readonly digest: Digest;
  readonly keeping: Retention;
  /** On the disk. */
  readonly bytes: number;
  /** Both ISO 8601. A use within a day of another may not be recorded. */
  readonly created: string;
  readonly lastUsed: string;
  /** Whether a link in build/ of this project leads to it or to an artifact that depends on it. */
  readonly inPlace: boolean;
}

/** A number of entries and their disk usage in bytes. */
export interface Amount {
  readonly count: number;
  readonly bytes: number;
}

export interface CacheUsage {
  readonly directory: string;
  readonly records: Amount;
  /** All artifacts; those without a record, including `uncached` ones, are also counted in `unrecorded`. */
  readonly artifacts: Amount;
  readonly unrecorded: Amount;
  /** Deltas of running builds. */
  readonly drafts: Amount;
  readonly damaged: Amount;
  /** The states after the steps of layers. */
  readonly points: Amount;
  /** The `cache-dir` directories of layers. */
  readonly caches: Amount;
  readonly total: Amount;
  /** The directories of the projects that use the store. */
  readonly projects: readonly string[];
}

export interface Collected {
  /** In the order of removal. */
  readonly removed: readonly CacheEntry[];
  /** Cache points that were removed. */
  readonly points: Amount;
  /** Disk space freed, including that of damaged entries. */
  readonly freed: Amount;
  readonly kept: Amount;
  /** What a running build has leased or a link in a project's build/ leads to: part of `kept`. */
  readonly inUse: Amount;
}

export interface Cleared {
  readonly freed: Amount;
  /** What running builds have leased. */
  readonly kept: Amount;
  /** How many links in build/ were removed with it. */
  readonly links: number;
  /** The directories of other projects whose images depended on what was removed. */
  readonly others: readonly string[];
}

export interface BadEntry {
  readonly layer: string | undefined;
  readonly file: string;
  /** What is wrong, as a predicate: `is missing`. */
  readonly what: string;
  /** Where it was moved; undefined when a running build has leased it, so that it was not moved. */
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
   * Removes what is over the limits, least recently used first; never what a running build has leased, what a link in
   * an existing project's build/ leads to, or what one of those depends on. Fails as `host` when the store cannot be
   * changed.
   */
  collect(limits: CacheLimits, options: { readonly dryRun: boolean }): Promise<Result<Collected>>;
  /** Removes everything that no running build has leased, and this project's links to it. */
  clear(): Promise<Result<Cleared>>;
  /** Reads everything and moves damaged entries aside. Fails as `interrupted` on the signal. */
  verify(onBad: (bad: BadEntry) => void, signal: AbortSignal): Promise<Result<Verified>>;
}
