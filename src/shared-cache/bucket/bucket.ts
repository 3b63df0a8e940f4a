// The bucket as a build works with it: what it reads of which scopes, and whether it may write.

import type { BuildRecord, Digest, Key } from '../../model/artifact.ts';
import { type Answer, answer, type Condition, type StoreError } from '../../model/ports/object-store.ts';
import type { SharedAccess } from '../../model/ports/shared-cache.ts';
import type { Pieces } from '../../model/ports/store.ts';
import type { OnTransfer } from '../cache/traffic.ts';
import type { RetryingObjectStore } from '../objects/retrying.ts';
import { ARTIFACT_CUT, download, upload } from '../transfer/transfer.ts';
import { artifactName, recordName, TRUSTED } from './layout.ts';
import type { Signer } from './signatures.ts';
import { MOST_BYTES, openSigned, signRecord } from './signed-record.ts';

export interface BucketOptions {
  readonly objects: RetryingObjectStore;
  /** `trusted`, or one below `untrusted/`: where this process writes. */
  readonly scope: string;
  readonly access: SharedAccess;
  readonly trustedKeys: readonly string[];
  readonly signer: Signer | undefined;
  /** Told what people should know, a sentence each. */
  readonly onNote: (message: string) => void;
}

/** A record as it lies in the bucket. */
export interface FoundRecord {
  readonly record: BuildRecord;
  readonly scope: string;
  readonly tag: string;
}

export type RecordState =
  | { readonly state: 'found'; readonly found: FoundRecord }
  /** There is a record that does not count, with this tag. */
  | { readonly state: 'bad'; readonly tag: string }
  | { readonly state: 'absent' }
  | { readonly state: 'unknown' };

export class Bucket {
  readonly place: string;
  readonly scope: string;
  /** Where this process reads, in this order. */
  readonly scopes: readonly string[];
  readonly #options: BucketOptions;
  readonly #objects: RetryingObjectStore;
  readonly #told = new Set<string>();
  #writable: Promise<boolean> | undefined;
  #hasAnswered = true;

  constructor(options: BucketOptions) {
    this.#options = options;
    this.#objects = options.objects;
    this.place = options.objects.place;
    this.scope = options.scope;
    this.scopes = options.scope === TRUSTED ? [TRUSTED] : [TRUSTED, options.scope];
  }

  /** The record under a key, in the trusted scope before one's own; a damaged or untrusted one is told, and is none. */
  async find(key: Key, signal: AbortSignal): Promise<FoundRecord | undefined> {
    if (this.#options.access === 'rw') void this.isWritable(signal);
    for (const scope of this.scopes) {
      const seen = await this.inspect(scope, key, signal);
      if (seen.state === 'found') return seen.found;
    }
    return undefined;
  }

  /** Whether it could always be said what lies under a key. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** What lies under a key in a scope. */
  async inspect(scope: string, key: Key, signal: AbortSignal): Promise<RecordState> {
    const got = await this.#objects.read(recordName(scope, key), MOST_BYTES, signal);
    if (!got.ok) {
      if (got.error.kind === 'absent') return { state: 'absent' };
      this.#noteError('read', got.error);
      this.#hasAnswered = false;
      return { state: 'unknown' };
    }
    const { bytes, tag } = got.value;
    // Who may write in an untrusted scope has no key, and nobody but its own builds reads there.
    const trustedKeys = scope === TRUSTED ? this.#options.trustedKeys : [];
    const opened = bytes ? openSigned(bytes, { key, scope, trustedKeys }) : { wrong: 'is too large' };
    if ('record' in opened) return { state: 'found', found: { record: opened.record, scope, tag } };
    this.#noteOnce(`the record ${this.place}/${recordName(scope, key)} ${opened.wrong}: it is not used`);
    return { state: 'bad', tag };
  }

  /** Whether there is an object for an artifact in one's own scope. */
  async has(digest: Digest, signal: AbortSignal): Promise<Answer<boolean>> {
    const there = await this.#objects.head(artifactName(this.scope, digest), signal);
    // Whoever may not list a bucket is told 403 of what is not there.
    if (!there.ok && ['absent', 'refused'].includes(there.error.kind)) return answer(false);
    if (!there.ok) this.#noteError('read', there.error);
    return there.ok ? answer(true) : there;
  }

  /** Receives the artifact of a record that was found, see `download` of transfer.ts. */
  receive(
    { record, scope }: FoundRecord,
    file: string,
    onTransfer: OnTransfer,
    signal: AbortSignal,
  ): Promise<Answer<number>> {
    const name = artifactName(scope, record.artifact.digest);
    return download(this.#objects, name, record.artifact, file, onTransfer, signal);
  }

  /** Sends an artifact, see `upload` of transfer.ts. */
  async send(
    digest: Digest,
    read: (cut: Pieces) => AsyncIterable<Buffer>,
    onTransfer: OnTransfer,
    signal: AbortSignal,
  ): Promise<Answer<number>> {
    const sent = await upload(
      this.#objects,
      artifactName(this.scope, digest),
      read(ARTIFACT_CUT),
      onTransfer,
      signal,
    );
    if (!sent.ok) this.#noteUnsent(sent.error);
    return sent;
  }

  /** Puts a record in its place, once its artifact is there. */
  async write(record: BuildRecord, condition: Condition, signal: AbortSignal): Promise<Answer<void>> {
    const bytes = signRecord(record, this.scope, this.#options.signer);
    const put = await this.#objects.put(recordName(this.scope, record.key), bytes, condition, signal);
    if (!put.ok && put.error.kind !== 'taken') this.#noteUnsent(put.error);
    return put;
  }

  /** Whether this process may write, and would find out if another was quicker: tried once. */
  isWritable(signal: AbortSignal): Promise<boolean> {
    this.#writable ??= this.#tryWriting(signal);
    return this.#writable;
  }

  close(): void {
    this.#objects.close();
  }

  async #tryWriting(signal: AbortSignal): Promise<boolean> {
    const { access, trustedKeys, signer } = this.#options;
    if (access !== 'rw') return false;
    if (this.scope === TRUSTED && trustedKeys.length > 0) {
      const why =
        signer === undefined
          ? 'there is no key to sign with (VLB_CACHE_SIGNING_KEY)'
          : trustedKeys.includes(signer.publicKey)
            ? undefined
            : 'cache: trusted-keys of vlb.yaml does not have the key of VLB_CACHE_SIGNING_KEY';
      if (why !== undefined) {
        this.#noteOnce(`nothing is written to the shared cache ${this.place}: ${why}`);
        return false;
      }
    }
    const name = `${this.scope}/probe`;
    const attempt = () => this.#objects.put(name, PROBE, 'absent', signal);
    const first = await attempt();
    // Once it is there, one request is enough to know.
    const second = first.ok ? await attempt() : first;
    if (second.ok) {
      const why = 'the server does not know conditional writes (If-None-Match)';
      this.#noteOnce(`nothing is written to the shared cache ${this.place}: ${why}`);
      return false;
    }
    if (second.error.kind === 'taken') return true;
    this.#noteUnsent(second.error);
    return false;
  }

  #noteUnsent(error: StoreError): void {
    if (error.kind === 'refused') this.#writable = Promise.resolve(false);
    this.#noteError('written', error);
  }

  /** What is given up for good is told by whoever gives it up. */
  #noteError(what: 'read' | 'written', { kind, message }: StoreError): void {
    const rest = what === 'written' && kind === 'refused' ? ', and only read' : '';
    if (kind === 'interrupted' || this.#objects.isLost) return;
    this.#noteOnce(`the shared cache ${this.place} cannot be ${what}${rest}: ${message}`);
  }

  #noteOnce(message: string): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#options.onNote(message);
  }
}

const PROBE = Buffer.from('vlb tries here whether it may write\n');
