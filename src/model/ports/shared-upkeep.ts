// The port of the shared cache's keeping: what is in it, and what is taken out of it.

import type { Digest, Key } from '../artifact.ts';
import type { Result } from '../failure.ts';
import type { Amount, CacheLimits } from './store-upkeep.ts';

/** One artifact as a record binds it to a key, or one that no record names. */
export interface SharedEntry {
  readonly scope: string;
  /** Undefined where no record tells it. */
  readonly layer: string | undefined;
  readonly key: Key | undefined;
  readonly digest: Digest;
  /** As it lies there, compressed. */
  readonly bytes: number;
  /** When it was built, and when it came there, by the server's clock; ISO 8601. */
  readonly created: string;
  readonly pushed: string;
}

export interface SharedUsage {
  /** `s3://bucket/prefix` */
  readonly place: string;
  readonly artifacts: Amount;
  /** Those of them that no record names. */
  readonly unrecorded: Amount;
  readonly records: Amount;
  readonly total: Amount;
  /** Artifacts and records of each scope. */
  readonly scopes: readonly (Amount & { readonly scope: string })[];
}

export interface SharedCollected {
  readonly place: string;
  /** In the order in which they go. */
  readonly removed: readonly SharedEntry[];
  /** Records that are of no use, without an artifact or damaged, by name. */
  readonly lost: readonly string[];
  /** Artifacts, compressed. */
  readonly freed: Amount;
  readonly kept: Amount;
}

/** Each call fails as `host` when the bucket cannot be read or written, and as `interrupted` on the signal. */
export interface SharedCacheUpkeep {
  usage(signal: AbortSignal): Promise<Result<SharedUsage>>;
  /** Those that came last first. */
  entries(signal: AbortSignal): Promise<Result<readonly SharedEntry[]>>;
  /**
   * Removes what is over the limits, the oldest first, where age is the time since it was pushed; and what is of no use,
   * after a day. What untrusted builds wrote goes before anything else when there is too much. Never goes what something stands on that stays.
   */
  collect(
    limits: CacheLimits,
    options: { readonly dryRun: boolean; readonly signal: AbortSignal },
  ): Promise<Result<SharedCollected>>;
  /** Lets go of its connections. */
  close(): void;
}
