// The port of an object store, a bucket say: immutable bytes under names, far away, behind a network that fails.

import type { Readable } from 'node:stream';

/** Why something could not be done there. */
export interface StoreError {
  readonly kind: /** There is nothing under this name. */
    | 'absent'
    /** The condition of a write does not hold: somebody else wrote meanwhile. */
    | 'taken'
    /** Not with these credentials, or not in this way: trying again does not help. */
    | 'refused'
    /** Nothing whatever can be done there: there is no such bucket, or there are no credentials. */
    | 'unusable'
    /** The network or the server failed: trying again may help. */
    | 'unavailable'
    /** The caller's signal came. */
    | 'interrupted';
  /** One sentence, no full stop. */
  readonly message: string;
}

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: StoreError };

/** What an object was when it was looked at; another one under the same name has another tag. */
export interface ObjectInfo {
  readonly bytes: number;
  readonly tag: string;
}

export interface Received extends ObjectInfo {
  /** The first byte that comes: the one that was wanted, or one before it. */
  readonly from: number;
  /** The bytes from there on. */
  readonly body: Readable;
}

export interface ListedObject {
  readonly name: string;
  readonly bytes: number;
  /** When it was written, ms by the server's clock. */
  readonly modified: number;
}

export interface ListPage {
  readonly objects: readonly ListedObject[];
  /** Where the next page begins; undefined behind the last. */
  readonly next: string | undefined;
}

/** When a write counts: always, only as the first under its name, or only in place of the object with this tag. */
export type Condition = 'always' | 'absent' | { readonly tag: string };

/** Names are relative to the place that the store was opened at, with slashes. No call throws, save for bugs. */
export interface ObjectStore {
  /** For people: `s3://bucket/prefix`. */
  readonly place: string;
  head(name: string, signal: AbortSignal): Promise<Answer<ObjectInfo>>;
  /**
   * @param from the first byte that is wanted
   * @param tag fails as `absent` when the object is not this one any more
   */
  get(name: string, from: number, tag: string | undefined, signal: AbortSignal): Promise<Answer<Received>>;
  put(name: string, bytes: Uint8Array, condition: Condition, signal: AbortSignal): Promise<Answer<void>>;
  /** Begins to write an object of many parts. Until it is completed there is nothing under its name. */
  begin(name: string, signal: AbortSignal): Promise<Answer<PartUpload>>;
  /** @param after where the page begins, see {@link ListPage} */
  list(prefix: string, after: string | undefined, signal: AbortSignal): Promise<Answer<ListPage>>;
  /** What is not there is as good as deleted. */
  delete(names: readonly string[], signal: AbortSignal): Promise<Answer<void>>;
  /** Lets go of its connections. */
  close(): void;
}

export interface PartUpload {
  /** @param number from 1; parts may come in any order, and again */
  part(number: number, bytes: Uint8Array, signal: AbortSignal): Promise<Answer<void>>;
  complete(signal: AbortSignal): Promise<Answer<void>>;
  /** Leaves nothing of it, as far as the server can be reached. */
  abort(signal: AbortSignal): Promise<void>;
}

export function storeError(kind: StoreError['kind'], message: string): Answer<never> {
  return { ok: false, error: { kind, message } };
}

export function answer<T>(value: T): Answer<T> {
  return { ok: true, value };
}
