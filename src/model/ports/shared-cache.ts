// The port of the shared cache: layers built by several machines, behind the local store of each.

import type { BuildRecord, Key } from '../artifact.ts';

/** `cache: s3:` of vlb.yaml. */
export interface BucketConfig {
  readonly bucket: string;
  /** The prefix of every object's name, without leading or trailing slash; empty for none. */
  readonly prefix: string;
  /** The server's URL; undefined for AWS. */
  readonly endpoint: string | undefined;
  /** Undefined: from the environment. */
  readonly region: string | undefined;
  /** Whether the bucket is part of the URL's path instead of its host name. */
  readonly pathStyle: boolean;
}

/** The shared cache as configured in vlb.yaml. */
export interface SharedCacheConfig {
  readonly bucket: BucketConfig;
  /** Public keys, base64 of 32 bytes. If there are any, trusted records must be signed with one of them. */
  readonly trustedKeys: readonly string[];
}

/** How the shared cache may be used: `remote:` of --cache. */
export type SharedAccess = 'off' | 'r' | 'rw';

/** Objects transferred in one direction, and the time during which at least one was on its way. */
export interface Traffic {
  readonly count: number;
  /** Compressed, as transferred. */
  readonly bytes: number;
  readonly seconds: number;
}

/** How a build used the shared cache. */
export interface SharedTally {
  readonly fetched: Traffic;
  readonly pushed: Traffic;
  /** The build time of the fetched layers. */
  readonly savedSeconds: number;
}

/** The outcome of offering a local layer. */
export type Offer =
  /** It was uploaded. */
  | 'pushed'
  /** It was already there, complete. */
  | 'there'
  /** Another build of it, or of a layer that it depends on, is there. */
  | 'other'
  /** It, or a layer that it depends on, must not leave the machine. */
  | 'private'
  /** It could not be uploaded; the reason was reported. */
  | 'failed';

/** What a claim says, and what it depends on. */
export interface ClaimAbout {
  readonly layer: string;
  /** How long the last build took, seconds. */
  readonly usually: number | undefined;
  /** The records of all layers that it depends on: if one is not shared, nobody else could use what is built. */
  readonly below: readonly BuildRecord[];
}

export type Claim =
  /** Disposing of it ends the claim. `isHeld`: others know of it. */
  | ({ readonly type: 'own'; readonly isHeld: boolean } & AsyncDisposable)
  | { readonly type: 'other'; readonly by: ClaimedBy };

/** The machine that builds a key. Its words are those of another machine. */
export interface ClaimedBy {
  readonly layer: string;
  readonly host: string;
  readonly pid: number;
  /** How long it has been building, seconds. */
  readonly since: number;
  readonly usually: number | undefined;
}

export interface PublishOptions {
  /** Whether it replaces an existing record: the user forced the build, or that record is too old. */
  readonly replaces: boolean;
  readonly signal: AbortSignal;
}

export interface SharedCache {
  /** Whether the artifact of a record is only in the shared cache, and has to be fetched before use. */
  isAway(record: BuildRecord): boolean;
  /**
   * Fetches an artifact into the store, once, however often it is requested, and leases it. False when it could not be
   * fetched intact: then its record is ignored, and `lookup` does not find it again.
   */
  fetch(record: BuildRecord, signal: AbortSignal): Promise<boolean>;
  /**
   * Has other machines know that this one builds a key from now on, where they could use what it builds. Never fails: where that is not
   * possible, the key is built as if nobody else were there.
   */
  claim(key: Key, about: ClaimAbout, signal: AbortSignal): Promise<Claim>;
  /** Waits until a key that another machine has claimed is published, or claimed no longer. Never fails. */
  awaitClaim(key: Key, signal: AbortSignal): Promise<void>;
  /**
   * Offers a layer that was just built. Returns the record that is valid from now on: when another machine published
   * first, that machine's, which then replaces this one in the store. Never fails: a layer that cannot be shared is
   * not.
   * @param below the records of all layers that it depends on, lowest first: others cannot use it without them
   */
  publish(record: BuildRecord, below: readonly BuildRecord[], options: PublishOptions): Promise<BuildRecord>;
  /**
   * Offers a layer that may have been built long ago; the local store does not change. Repairs records without
   * artifact.
   * @param below as for {@link publish}
   */
  offer(record: BuildRecord, below: readonly BuildRecord[], signal: AbortSignal): Promise<Offer>;
  /** Whether this process may write. If not, the reason is reported. */
  isWritable(signal: AbortSignal): Promise<boolean>;
  /** Whether every request was answered: otherwise there may be more than was found. */
  hasAnswered(): Promise<boolean>;
  /** Undefined while nothing was transferred. */
  tally(): SharedTally | undefined;
}
