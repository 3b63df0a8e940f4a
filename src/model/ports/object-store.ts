// The port of an object store such as an S3 bucket: immutable bytes under names, reached over a network that may fail.

import type { Readable } from 'node:stream';

/** Why a request failed. */
export interface StoreError {
  readonly kind: /** There is no object of this name. */
    | 'absent'
    /** The condition of a write is not met: another process wrote first. */
    | 'taken'
    /** Not allowed with these credentials, or not supported: retrying does not help. */
    | 'refused'
    /** No request can succeed: there is no such bucket, or there are no credentials. */
    | 'unusable'
    /** The network or the server failed: retrying may help. */
    | 'unavailable'
    /** The caller's signal was aborted. */
    | 'interrupted';
  /** One sentence, no full stop. */
  readonly message: string;
}

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: StoreError };

/** The state of an object at the time of the request; another object under the same name has another tag. */
export interface ObjectInfo {
  readonly bytes: number;
  readonly tag: string;
}

export interface Received extends ObjectInfo {
  /** How long ago it was written, ms, by the server's clock alone; undefined where the server does not say. */
  readonly age: number | undefined;
  /** The offset of the first byte of `body`: the one requested, or an earlier one. */
  readonly from: number;
  /** The bytes from that offset on. */
  readonly body: Readable;
}

export interface ListedObject {
  readonly name: string;
  readonly bytes: number;
  /** When it was written, ms, by the server's clock. */
  readonly modified: number;
}

export interface ListPage {
  readonly objects: readonly ListedObject[];
  /** Where the next page begins; undefined on the last page. */
  readonly next: string | undefined;
}

/** When a write succeeds: always, only if there is no object of its name, or only if that object has this tag. */
export type Condition = 'always' | 'absent' | { readonly tag: string };

/**
 * Names are relative to the prefix that the store was opened with, separated by slashes. No call throws, except for
 * bugs.
 */
export interface ObjectStore {
  /** For messages: `s3://bucket/prefix`. */
  readonly place: string;
  head(name: string, signal: AbortSignal): Promise<Answer<ObjectInfo>>;
  /**
   * @param from the offset of the first byte
   * @param tag fails as `absent` when the object no longer has this tag
   */
  get(name: string, from: number, tag: string | undefined, signal: AbortSignal): Promise<Answer<Received>>;
  /** Returns the tag of what was written. */
  put(name: string, bytes: Uint8Array, condition: Condition, signal: AbortSignal): Promise<Answer<string>>;
  /** Begins a multipart upload. Until it is completed there is no object of its name. */
  begin(name: string, signal: AbortSignal): Promise<Answer<PartUpload>>;
  /** @param after where the page begins, see {@link ListPage} */
  list(prefix: string, after: string | undefined, signal: AbortSignal): Promise<Answer<ListPage>>;
  /** Deletes objects; names without an object are ignored. */
  delete(names: readonly string[], signal: AbortSignal): Promise<Answer<void>>;
  /** Closes the connections. */
  close(): void;
}

export interface PartUpload {
  /** @param number from 1; parts may be sent in any order, and repeatedly */
  part(number: number, bytes: Uint8Array, signal: AbortSignal): Promise<Answer<void>>;
  complete(signal: AbortSignal): Promise<Answer<void>>;
  /** Discards the parts, if the server can be reached. */
  abort(signal: AbortSignal): Promise<void>;
}

export function storeError(kind: StoreError['kind'], message: string): Answer<never> {
  return { ok: false, error: { kind, message } };
}

export function answer<T>(value: T): Answer<T> {
  return { ok: true, value };
}
