// The shared cache of one build: what the bucket has is found, fetched into the local store and used like one's own; what was
// built here is offered, and given up in favour of what another machine was quicker with.

import type { BuildRecord, Digest, Key } from '../../model/artifact.ts';
import type { Transfer } from '../../model/event.ts';
import type { Condition } from '../../model/ports/object-store.ts';
import type { Offer, PublishOptions, SharedCache, SharedTally } from '../../model/ports/shared-cache.ts';
import type { Pieces, Store } from '../../model/ports/store.ts';
import { systemError } from '../../util/errors.ts';
import type { Bucket, FoundRecord, RecordState } from '../bucket/bucket.ts';
import { TransferLimits } from '../transfer/limits.ts';
import { type OnTransfer, TrafficMeter } from './traffic.ts';

export interface SharedCacheClientOptions {
  readonly local: Store;
  /** Called when there is something to ask for the first time. */
  readonly open: () => Promise<Bucket>;
  /** Whether what is fetched is flushed before it counts as here: see `Draft.adopt`. */
  readonly flush: boolean;
  readonly onNote: (message: string) => void;
  readonly onTransfer: (transfer: Transfer) => void;
}

/** For how long it is believed that the bucket has no such record, ms: a plan and its execution ask once. */
const MISS_COUNTS = 60_000;
/** When people are told that the bucket is waited for, ms. */
const SILENT_AFTER = 3_000;
/** How often the place of a record is fought for, before it is left to the others. */
const ROUNDS = 3;

type Fetched = 'here' | 'damaged' | 'unreachable';

export class SharedCacheClient implements SharedCache {
  readonly #options: SharedCacheClientOptions;
  #bucket: Promise<Bucket> | undefined;
  /** What was found and is not here yet. */
  readonly #away = new Map<Key, FoundRecord>();
  /** What was asked for in vain, and when; what turned out to be of no use, for good. */
  readonly #missed = new Map<Key, number>();
  /** What is known to lie in the bucket as it is here. */
  readonly #known = new Map<Key, Digest>();
  /** Artifacts that were found damaged there. */
  readonly #damaged = new Set<Digest>();
  readonly #fetches = new Map<Digest, Promise<Fetched>>();
  readonly #told = new Set<string>();
  readonly #limits = new TransferLimits();
  readonly #fetched: TrafficMeter;
  readonly #pushed: TrafficMeter;
  #savedSeconds = 0;
  /** How many questions about records were answered. */
  #answers = 0;

  constructor(options: SharedCacheClientOptions) {
    this.#options = options;
    this.#fetched = new TrafficMeter('fetch', options.onTransfer);
    this.#pushed = new TrafficMeter('push', options.onTransfer);
  }

  /** The record under a key that the local store does not have. */
  async find(key: Key, signal: AbortSignal): Promise<BuildRecord | undefined> {
    const known = this.#away.get(key);
    if (known) return known.record;
    const missed = this.#missed.get(key);
    if (missed !== undefined && performance.now() - missed < MISS_COUNTS) return undefined;
    const bucket = await this.#open();
    const found = await this.#noteSilence(bucket, () => bucket.find(key, signal));
    if (found) {
      this.#away.set(key, found);
      this.#known.set(key, found.record.artifact.digest);
    } else this.#missed.set(key, performance.now());
    return found?.record;
  }

  isAway({ key, artifact }: BuildRecord): boolean {
    return this.#away.get(key)?.record.artifact.digest === artifact.digest;
  }

  async fetch(record: BuildRecord, signal: AbortSignal): Promise<boolean> {
    const found = this.#away.get(record.key);
    if (!found) return this.#options.local.has(record.artifact);
    return (await this.#fetchOnce(found, signal)) === 'here';
  }

  async publish(
    record: BuildRecord,
    below: readonly BuildRecord[],
    { replaces, signal }: PublishOptions,
  ): Promise<BuildRecord> {
    const { onNote } = this.#options;
    if (![...below, record].every(isShareable)) return record;
    const bucket = await this.#open();
    if (!(await bucket.isWritable(signal))) return record;
    for (const one of below) {
      const decided = await this.#offer(one, bucket, { replaces: false, adopts: false, signal });
      if (!decided) return record;
      if (decided.record.artifact.digest === one.artifact.digest) continue;
      onNote(
        `${record.layer} is not shared: it stands on another build of ${one.layer} than the one in ${bucket.place}`,
      );
      return record;
    }
    const decided = await this.#offer(record, bucket, { replaces, adopts: true, signal });
    if (!decided && signal.aborted) onNote(`${record.layer} was built, and is not shared: interrupted`);
    return decided?.record ?? record;
  }

  async offer(record: BuildRecord, below: readonly BuildRecord[], signal: AbortSignal): Promise<Offer> {
    const all = [...below, record];
    if (!all.every(isShareable)) return 'private';
    const bucket = await this.#open();
    if (!(await bucket.isWritable(signal))) return 'failed';
    let isNew = false;
    for (const one of all) {
      const options = { replaces: false, adopts: false, repairs: true, signal };
      const decided = await this.#offer(one, bucket, options);
      if (!decided) return 'failed';
      if (decided.record.artifact.digest !== one.artifact.digest) return 'other';
      isNew = decided.isNew;
    }
    return isNew ? 'pushed' : 'there';
  }

  /** Lets go of its connections. */
  close(): void {
    this.#bucket?.then(
      (bucket) => bucket.close(),
      () => {}, // told to whoever opened it
    );
  }

  async hasAnswered(): Promise<boolean> {
    return (await this.#bucket)?.hasAnswered ?? true;
  }

  tally(): SharedTally | undefined {
    const [fetched, pushed] = [this.#fetched.total, this.#pushed.total];
    if (fetched.count + pushed.count === 0) return undefined;
    return { fetched, pushed, savedSeconds: Math.round(this.#savedSeconds * 1000) / 1000 };
  }

  /**
   * Puts a record into the bucket, its artifact before it, unless there is one under its key that counts. Returns the one
   * that is there then; undefined when that cannot be said.
   */
  async #offer(record: BuildRecord, bucket: Bucket, options: OfferOptions): Promise<Decided | undefined> {
    const { key, artifact } = record;
    const { signal } = options;
    if (this.#known.get(key) === artifact.digest) return { record, isNew: false };
    for (let round = 0; round < ROUNDS; round++) {
      const seen = await this.#stateOf(key, bucket, signal);
      if (seen.state === 'unknown') return undefined;
      let condition: Condition = seen.state === 'bad' ? { tag: seen.tag } : 'absent';
      if (seen.state === 'found') {
        const { found } = seen;
        const isSame = found.record.artifact.digest === artifact.digest;
        const isDamaged = this.#damaged.has(found.record.artifact.digest);
        const isWhole =
          !isDamaged && !(isSame && options.repairs && (await this.#isLost(found, bucket, signal)));
        if (isSame && isWhole) return this.#foundSame(found.record, false);
        if (!isSame && !(options.replaces && round === 0)) {
          if (!options.adopts) return { record: found.record, isNew: false };
          const fetched = await this.#adopt(record, found, options);
          if (fetched === 'here') return { record: found.record, isNew: false };
          if (fetched === 'unreachable') return undefined;
        }
        // What others have written may be read here, but not be replaced.
        if (found.scope !== bucket.scope) return undefined;
        condition = { tag: found.tag };
      }
      if (!(await this.#send(record, bucket, options))) return undefined;
      const put = await bucket.write(record, condition, signal);
      if (put.ok) return this.#foundSame(record, true);
      if (put.error.kind !== 'taken' && put.error.kind !== 'absent') return undefined;
    }
    return undefined;
  }

  /** What lies under a key where this build reads. */
  async #stateOf(key: Key, bucket: Bucket, signal: AbortSignal): Promise<RecordState> {
    let seen: RecordState = { state: 'unknown' };
    for (const scope of bucket.scopes) {
      seen = await bucket.inspect(scope, key, signal);
      const isUsable = seen.state === 'found' && !this.#damaged.has(seen.found.record.artifact.digest);
      if (isUsable || seen.state === 'unknown') return seen;
    }
    return seen;
  }

  async #adopt(record: BuildRecord, found: FoundRecord, { signal }: OfferOptions): Promise<Fetched> {
    const fetched = await this.#fetchOnce(found, signal);
    if (fetched === 'here') {
      this.#options.onNote(
        `${record.layer} was built elsewhere at the same time, and that build came first: it is used here too`,
      );
    }
    return fetched;
  }

  /** Sends an artifact unless it is there. */
  async #send(record: BuildRecord, bucket: Bucket, { signal }: OfferOptions): Promise<boolean> {
    const { layer, artifact } = record;
    const { digest } = artifact;
    if (!this.#damaged.has(digest)) {
      const there = await bucket.has(digest, signal);
      if (!there.ok) return false;
      if (there.value) return true;
    }
    const read = (cut: Pieces) => this.#options.local.read(artifact, cut);
    const isThere = await this.#limits.push(artifact.bytes, () =>
      this.#pushed.count(record, async (onTransfer) => {
        try {
          const sent = await bucket.send(digest, read, onTransfer, signal);
          return sent.ok ? { result: true, bytes: sent.value } : { result: false };
        } catch (error) {
          const { message } = systemError(error);
          this.#options.onNote(`${layer} is not shared: its artifact cannot be read: ${message}`);
          return { result: false };
        }
      }),
    );
    if (isThere) this.#damaged.delete(digest);
    return isThere;
  }

  /** However many ask for an artifact, it comes once; what did not come may be asked for again. */
  #fetchOnce(found: FoundRecord, signal: AbortSignal): Promise<Fetched> {
    const { digest, bytes } = found.record.artifact;
    const running = this.#fetches.get(digest);
    if (running) return running;
    const fetching = this.#limits.fetch(bytes, () => this.#fetch(found, signal));
    this.#fetches.set(digest, fetching);
    fetching.finally(() => this.#fetches.delete(digest)).catch(() => {}); // told to whoever asked
    return fetching;
  }

  async #fetch(found: FoundRecord, signal: AbortSignal): Promise<Fetched> {
    const { record } = found;
    const fetched = await this.#fetched.count<Fetched>(record, async (onTransfer) => {
      const received = await this.#receive(found, onTransfer, signal);
      return typeof received === 'number' ? { result: 'here', bytes: received } : { result: received };
    });
    this.#away.delete(record.key);
    if (fetched === 'here') {
      this.#savedSeconds += record.seconds;
      this.#known.set(record.key, record.artifact.digest);
    } else {
      this.#known.delete(record.key);
      this.#missed.set(record.key, Number.POSITIVE_INFINITY);
    }
    return fetched;
  }

  /** Receives an artifact and makes it the store's. Returns how many bytes came. */
  async #receive(found: FoundRecord, onTransfer: OnTransfer, signal: AbortSignal): Promise<number | Fetched> {
    const { record } = found;
    const bucket = await this.#open();
    const note = (why: string) =>
      this.#noteOnce(`${record.layer} cannot be had from the shared cache ${bucket.place}: ${why}`);
    const damaged = (why: string): Fetched => {
      note(why);
      this.#damaged.add(record.artifact.digest);
      return 'damaged';
    };
    const drafted = await this.#options.local.draft();
    if (!drafted.ok) {
      note(drafted.failure.message);
      return 'unreachable';
    }
    await using draft = drafted.value;
    try {
      const received = await bucket.receive(found, draft.path, onTransfer, signal);
      if (signal.aborted) return 'unreachable';
      if (!received.ok) {
        const { kind, message } = received.error;
        if (kind === 'absent') return damaged(`its artifact ${message}`);
        note(message);
        return 'unreachable';
      }
      const adopted = await draft.adopt(record, { flush: this.#options.flush, signal });
      if (adopted.ok) return received.value;
      if (adopted.failure.kind === 'work') return damaged(adopted.failure.message);
      if (adopted.failure.kind !== 'interrupted') note(adopted.failure.message);
    } catch (error) {
      note(systemError(error).message);
    }
    return 'unreachable';
  }

  /** Tells, once, when nothing that was asked has been answered for a while. */
  async #noteSilence<T>(bucket: Bucket, ask: () => Promise<T>): Promise<T> {
    let answers = this.#answers;
    const clock = setInterval(() => {
      if (answers === this.#answers) {
        this.#noteOnce(`waiting for the shared cache ${bucket.place}, which does not answer`);
      }
      answers = this.#answers;
    }, SILENT_AFTER);
    try {
      return await ask();
    } finally {
      this.#answers++;
      clearInterval(clock);
    }
  }

  #noteOnce(message: string): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#options.onNote(message);
  }

  #foundSame(record: BuildRecord, isNew: boolean): Decided {
    this.#known.set(record.key, record.artifact.digest);
    return { record, isNew };
  }

  /** Whether the artifact of a record in one's own scope is gone. */
  async #isLost({ record, scope }: FoundRecord, bucket: Bucket, signal: AbortSignal): Promise<boolean> {
    if (scope !== bucket.scope) return false;
    const there = await bucket.has(record.artifact.digest, signal);
    return there.ok && !there.value;
  }

  #open(): Promise<Bucket> {
    this.#bucket ??= this.#options.open();
    return this.#bucket;
  }
}

interface OfferOptions extends PublishOptions {
  /** Whether another record that is there is fetched, to be used in place of this one. */
  readonly adopts: boolean;
  /** Whether a record that is there is looked at for having lost its artifact. */
  readonly repairs?: boolean;
}

/** The record that counts. */
interface Decided {
  readonly record: BuildRecord;
  /** It was put there just now. */
  readonly isNew: boolean;
}

/** `noshare` and `nocache` never leave the machine. */
function isShareable({ artifact, noshare }: BuildRecord): boolean {
  return artifact.keeping === 'cached' && noshare === undefined;
}
