// The port of the shared cache: what several machines have built, behind each one's own store.

import type { BuildRecord } from '../artifact.ts';

/** `cache: s3:` of vlb.yaml. */
export interface BucketConfig {
  readonly bucket: string;
  /** What every object's name begins with, without slashes at its ends; empty for none. */
  readonly prefix: string;
  /** The server's address; undefined for Amazon's own. */
  readonly endpoint: string | undefined;
  /** Undefined for what the environment says. */
  readonly region: string | undefined;
  /** The bucket stands in the path of addresses, not in the name of the server. */
  readonly pathStyle: boolean;
}

/** What vlb.yaml says of a shared cache. */
export interface SharedCacheConfig {
  readonly bucket: BucketConfig;
  /** Public keys, base64 of 32 bytes: with any, records of the trusted scope count only with a signature by one of them. */
  readonly trustedKeys: readonly string[];
}

/** What may be done with the shared cache: `remote:` of --cache. */
export type SharedAccess = 'off' | 'r' | 'rw';

/** Objects that went over the network one way, and how long that took in all, in which others may have gone as well. */
export interface Traffic {
  readonly count: number;
  /** As they went, compressed. */
  readonly bytes: number;
  readonly seconds: number;
}

/** What a build had of the shared cache. */
export interface SharedTally {
  readonly fetched: Traffic;
  readonly pushed: Traffic;
  /** How long the layers took to build that were fetched. */
  readonly savedSeconds: number;
}

/** What came of offering a layer that is here. */
export type Offer =
  /** It went there. */
  | 'pushed'
  /** It was there, whole. */
  | 'there'
  /** Another build of it is there, or of what it stands on or looks into. */
  | 'other'
  /** It may not leave the machine, or what it stands on may not. */
  | 'private'
  /** It could not be sent: why was told. */
  | 'failed';

export interface PublishOptions {
  /** It takes the place of what is there: the person forced it, or that is too old. */
  readonly replaces: boolean;
  readonly signal: AbortSignal;
}

export interface SharedCache {
  /** Whether the artifact of a record that the store found is in the shared cache alone, and has to be fetched before use. */
  isAway(record: BuildRecord): boolean;
  /**
   * Brings an artifact into the store, once, however often it is asked for; it is held there. False when it could not be had
   * whole: then its record counts no more, and `lookup` does not find it again.
   */
  fetch(record: BuildRecord, signal: AbortSignal): Promise<boolean>;
  /**
   * Offers a layer that was just built. Returns the record that counts from now on: when another machine was quicker, that
   * one's, which is in the store by then in place of this. Never fails: what cannot be shared is not.
   * @param below the records of all that it stands on or looks into, lowest first: without them it is of no use to others
   */
  publish(record: BuildRecord, below: readonly BuildRecord[], options: PublishOptions): Promise<BuildRecord>;
  /**
   * Offers a layer that may have been built long ago, and changes nothing here. What lies there without its artifact is put right.
   * @param below as for {@link publish}
   */
  offer(record: BuildRecord, below: readonly BuildRecord[], signal: AbortSignal): Promise<Offer>;
  /** Whether all that was asked was answered: otherwise there may be more than was found. */
  hasAnswered(): Promise<boolean>;
  /** Undefined while nothing came or went. */
  tally(): SharedTally | undefined;
}
