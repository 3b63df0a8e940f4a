// The port of the shared cache's upkeep: its contents and its garbage collection.

import type { Key } from '../artifact.ts';
import type { Result } from '../failure.ts';
import type { ClaimedBy } from './shared-cache.ts';
import type { Amount, CacheEntry, CacheLimits } from './store-upkeep.ts';

/** An artifact with the key that a record binds it to, or one without a record; bytes as stored, compressed. */
export interface SharedEntry extends Pick<CacheEntry, 'layer' | 'key' | 'digest' | 'bytes' | 'created'> {
  readonly scope: string;
  /** ISO 8601, by the server's clock. */
  readonly pushed: string;
}

export interface SharedUsage {
  /** `s3://bucket/prefix` */
  readonly place: string;
  readonly artifacts: Amount;
  /** The artifacts without a record. */
  readonly unrecorded: Amount;
  readonly records: Amount;
  readonly total: Amount;
  /** Artifacts and records of each scope. */
  readonly scopes: readonly (Amount & { readonly scope: string })[];
}

export interface SharedCollected {
  readonly place: string;
  /** In the order of removal. */
  readonly removed: readonly SharedEntry[];
  /** The names of unusable records: without an artifact, or damaged. */
  readonly lost: readonly string[];
  /** Artifacts, compressed. */
  readonly freed: Amount;
  readonly kept: Amount;
}

/** What a machine says that it builds. */
export interface SharedClaim extends ClaimedBy {
  readonly scope: string;
  readonly key: Key;
  /** It is not renewed any more: the machine has gone. */
  readonly isVoid: boolean;
}

/** Each call fails as `host` when the bucket cannot be read or changed, and as `interrupted` on the signal. */
export interface SharedCacheUpkeep {
  usage(signal: AbortSignal): Promise<Result<SharedUsage>>;
  /** Most recently pushed first. */
  entries(signal: AbortSignal): Promise<Result<readonly SharedEntry[]>>;
  /** The longest first. */
  claims(signal: AbortSignal): Promise<Result<readonly SharedClaim[]>>;
  /**
   * Removes what is over the limits, the oldest by push time first, untrusted artifacts before trusted ones; and
   * unusable objects after a day, and void claims. Never removes what a remaining artifact depends on.
   */
  collect(
    limits: CacheLimits,
    options: { readonly dryRun: boolean; readonly signal: AbortSignal },
  ): Promise<Result<SharedCollected>>;
  /** Closes the connections. */
  close(): void;
}
