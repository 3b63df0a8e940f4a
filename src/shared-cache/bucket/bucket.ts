// The bucket as a build uses it: which scopes it reads, and whether it may write.

import type { ArtifactDisk, BuildRecord, Digest, Key } from '../../model/artifact.ts';
import { type Answer, answer, type Condition, type StoreError } from '../../model/ports/object-store.ts';
import type { SharedAccess } from '../../model/ports/shared-cache.ts';
import type { Pieces } from '../../model/ports/store.ts';
import type { OnTransfer } from '../cache/traffic.ts';
import type { RetryingObjectStore, SmallObject } from '../objects/retrying.ts';
import { ARTIFACT_CUT, download, upload } from '../transfer/transfer.ts';
import { MOST_CLAIM_BYTES } from './claim-text.ts';
import { artifactName, claimName, recordName, TRUSTED } from './layout.ts';
import type { Signer } from './signatures.ts';
import { MOST_BYTES, openSigned, signRecord } from './signed-record.ts';

export interface BucketOptions {
  readonly objects: RetryingObjectStore;
  /** Where this process writes: `trusted`, or a scope below `untrusted/`. */
  readonly scope: string;
  readonly access: SharedAccess;
  readonly trustedKeys: readonly string[];
  readonly signer: Signer | undefined;
  /** Called with each message for the user. */
  readonly onNote: (message: string) => void;
}

/** A record in the bucket. */
export interface FoundRecord {
  readonly record: BuildRecord;
  readonly scope: string;
  readonly tag: string;
}

export type RecordState =
  | { readonly state: 'found'; readonly found: FoundRecord }
  /** There is an unusable record, with this tag. */
  | { readonly state: 'bad'; readonly tag: string }
  | { readonly state: 'absent' }
  | { readonly state: 'unknown' };

export class Bucket {
  readonly place: string;
  readonly scope: string;
  /** The scopes that this process reads, in this order. */
  readonly scopes: readonly string[];
  readonly #options: BucketOptions;
  readonly #objects: RetryingObjectStore;
  readonly #noted = new Set<string>();
  #writable: Promise<boolean> | undefined;
  #hasAnswered = true;

  constructor(options: BucketOptions) {
    this.#options = options;
    this.#objects = options.objects;
    this.place = options.objects.place;
    this.scope = options.scope;
    this.scopes = options.scope === TRUSTED ? [TRUSTED] : [TRUSTED, options.scope];
  }

  /**
   * The record under a key, of the trusted scope first, then of the own one; unusable ones are reported and ignored.
   */
  async find(key: Key, signal: AbortSignal): Promise<FoundRecord | undefined> {
    if (this.#options.access === 'rw') void this.isWritable(signal);
    for (const scope of this.scopes) {
      const seen = await this.inspect(scope, key, signal);
      if (seen.state === 'found') return seen.found;
    }
    return undefined;
  }

  /** Whether every lookup of a record was answered. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** The state of the record under a key in a scope. */
  async inspect(scope: string, key: Key, signal: AbortSignal): Promise<RecordState> {
    const got = await this.#objects.read(recordName(scope, key), MOST_BYTES, signal);
    if (!got.ok) {
      if (got.error.kind === 'absent') return { state: 'absent' };
      this.#noteError('read', got.error);
      this.#hasAnswered = false;
      return { state: 'unknown' };
    }
    const { bytes, tag } = got.value;
    // Builds that write to an untrusted scope have no signing key, and only builds of that scope read it.
    const trustedKeys = scope === TRUSTED ? this.#options.trustedKeys : [];
    const opened = bytes ? openSigned(bytes, { key, scope, trustedKeys }) : { wrong: 'is too large' };
    if ('record' in opened) return { state: 'found', found: { record: opened.record, scope, tag } };
    this.#noteOnce(`not using the record ${this.place}/${recordName(scope, key)}: it ${opened.wrong}`);
    return { state: 'bad', tag };
  }

  /** Whether there is an object for an artifact in the own scope. */
  async has(digest: Digest, signal: AbortSignal): Promise<Answer<boolean>> {
    const there = await this.#objects.head(artifactName(this.scope, digest), signal);
    // Without permission to list a bucket, S3 answers 403 for absent objects.
    if (!there.ok && ['absent', 'refused'].includes(there.error.kind)) return answer(false);
    if (!there.ok) this.#noteError('read', there.error);
    return there.ok ? answer(true) : there;
  }

  /** Downloads a disk of the artifact of a record, see `download` of transfer.ts. */
  receive(
    scope: string,
    disk: ArtifactDisk,
    file: string,
    onTransfer: OnTransfer,
    signal: AbortSignal,
  ): Promise<Answer<number>> {
    return download(this.#objects, artifactName(scope, disk.digest), disk, file, onTransfer, signal);
  }

  /** Uploads an artifact, see `upload` of transfer.ts. */
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

  /** Writes a record, after its artifact. */
  async write(record: BuildRecord, condition: Condition, signal: AbortSignal): Promise<Answer<string>> {
    const bytes = signRecord(record, this.scope, this.#options.signer);
    const put = await this.#objects.put(recordName(this.scope, record.key), bytes, condition, signal);
    if (!put.ok && put.error.kind !== 'taken') this.#noteUnsent(put.error);
    return put;
  }

  /** The claim of a key in the own scope, of which others know nothing. */
  async readClaim(key: Key, signal: AbortSignal): Promise<Answer<SmallObject>> {
    return this.#objects.read(claimName(this.scope, key), MOST_CLAIM_BYTES, signal);
  }

  /** Writes a claim; its failure is not reported, since a build does not need it. Returns its tag. */
  async writeClaim(
    key: Key,
    bytes: Buffer,
    condition: Condition,
    signal: AbortSignal,
  ): Promise<Answer<string>> {
    return this.#objects.put(claimName(this.scope, key), bytes, condition, signal);
  }

  /** Removes a claim. The credentials of builds need not allow that. */
  removeClaim(key: Key, signal: AbortSignal): Promise<Answer<void>> {
    return this.#objects.delete([claimName(this.scope, key)], signal);
  }

  /**
   * Whether this process may write, and the server supports conditional writes. Tested once, or again if the server did not answer:
   * one lost answer does not turn a build read-only.
   */
  isWritable(signal: AbortSignal): Promise<boolean> {
    this.#writable ??= this.#tryWriting(signal).then((state) => {
      if (state === 'unknown') this.#writable = undefined;
      return state === 'yes';
    });
    return this.#writable;
  }

  close(): void {
    this.#objects.close();
  }

  async #tryWriting(signal: AbortSignal): Promise<'yes' | 'no' | 'unknown'> {
    const { access, trustedKeys, signer } = this.#options;
    if (access !== 'rw') return 'no';
    if (this.scope === TRUSTED && trustedKeys.length > 0) {
      const why =
        signer === undefined
          ? 'no signing key (VLB_CACHE_SIGNING_KEY)'
          : trustedKeys.includes(signer.publicKey)
            ? undefined
            : 'the key of VLB_CACHE_SIGNING_KEY is not in cache: trusted-keys of vlb.yaml';
      if (why !== undefined) {
        this.#noteOnce(`not writing to the shared cache ${this.place}: ${why}`);
        return 'no';
      }
    }
    const name = `${this.scope}/probe`;
    const attempt = () => this.#objects.put(name, PROBE, 'absent', signal);
    const first = await attempt();
    // If the probe exists already, one request is enough.
    const second = first.ok ? await attempt() : first;
    if (second.ok) {
      const why = 'the server does not support conditional writes (If-None-Match)';
      this.#noteOnce(`not writing to the shared cache ${this.place}: ${why}`);
      return 'no';
    }
    if (second.error.kind === 'taken') return 'yes';
    this.#noteUnsent(second.error);
    return ['unavailable', 'interrupted'].includes(second.error.kind) ? 'unknown' : 'no';
  }

  #noteUnsent(error: StoreError): void {
    if (error.kind === 'refused') this.#writable = Promise.resolve(false);
    this.#noteError('write to', error);
  }

  /** That the shared cache is no longer used is reported by `RetryingObjectStore`. */
  #noteError(what: 'read' | 'write to', { kind, message }: StoreError): void {
    const rest = what === 'write to' && kind === 'refused' ? ', using it read-only' : '';
    if (kind === 'interrupted' || this.#objects.isLost) return;
    this.#noteOnce(`cannot ${what} the shared cache ${this.place}${rest}: ${message}`);
  }

  #noteOnce(message: string): void {
    if (this.#noted.has(message)) return;
    this.#noted.add(message);
    this.#options.onNote(message);
  }
}

const PROBE = Buffer.from('vlb writes this to test whether it may write\n');
