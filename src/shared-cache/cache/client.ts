// The client of the shared cache in one build: finds records, fetches their artifacts into the local store, and
// publishes what was built. When another machine published a key first, its build replaces the local one.

import { setTimeout as delay } from 'node:timers/promises';
import { type BuildRecord, bytesOf, type Digest, identityOf, type Key } from '../../model/artifact.ts';
import type { Transfer } from '../../model/event.ts';
import type { Condition } from '../../model/ports/object-store.ts';
import type {
  Claim,
  ClaimAbout,
  Offer,
  PublishOptions,
  SharedCache,
  SharedTally,
} from '../../model/ports/shared-cache.ts';
import type { Store } from '../../model/ports/store.ts';
import type { Bucket, FoundRecord, RecordState } from '../bucket/bucket.ts';
import { isShareable } from '../bucket/signed-record.ts';
import { TransferLimits } from '../transfer/limits.ts';
import { type Claims, UNHELD } from './claims.ts';
import { Misses } from './misses.ts';
import { receive } from './receive.ts';
import { missingDisks, sendDisks } from './send.ts';
import { Silence } from './silence.ts';
import { type OnTransfer, TrafficMeter } from './traffic.ts';

export interface SharedCacheClientOptions {
  readonly local: Store;
  /** Called before the first request. */
  readonly open: () => Promise<Bucket>;
  /** Whether fetched artifacts are flushed, see `Draft.adopt`. */
  readonly flush: boolean;
  readonly claims: Claims;
  readonly onNote: (message: string) => void;
  readonly onTransfer: (transfer: Transfer) => void;
}

/** How often writing a record is attempted while other machines write it too. */
const ROUNDS = 3;
/** How long a bucket has to show what was written, ms; then twice that. */
const LAG = 250;

type Fetched = 'here' | 'damaged' | 'unreachable';

export class SharedCacheClient implements SharedCache {
  readonly #options: SharedCacheClientOptions;
  #bucket: Promise<Bucket> | undefined;
  /** Records whose artifacts are not in the local store yet. */
  readonly #away = new Map<Key, FoundRecord>();
  readonly #missed = new Misses();
  /** Keys whose record in the bucket names this artifact. */
  readonly #known = new Map<Key, string>();
  /** Artifacts that are damaged in the bucket. */
  readonly #damaged = new Set<string>();
  readonly #fetches = new Map<string, Promise<Fetched>>();
  readonly #noted = new Set<string>();
  readonly #limits = new TransferLimits();
  readonly #fetched: TrafficMeter;
  readonly #pushed: TrafficMeter;
  /** Disks that were uploaded, and how many artifacts with them have a record: without one, no other machine finds them. */
  readonly #sent = new Set<Digest>();
  #recorded = 0;
  #savedSeconds = 0;
  readonly #claims: Claims;
  readonly #silence = new Silence((message) => this.#noteOnce(message));

  constructor(options: SharedCacheClientOptions) {
    this.#options = options;
    this.#claims = options.claims;
    this.#fetched = new TrafficMeter('fetch', options.onTransfer);
    this.#pushed = new TrafficMeter('push', options.onTransfer);
  }

  /** Looks up a record that the local store does not have. */
  async find(key: Key, signal: AbortSignal): Promise<BuildRecord | undefined> {
    const known = this.#away.get(key);
    if (known) return known.record;
    if (this.#missed.has(key)) return undefined;
    const bucket = await this.#open();
    const found = await this.#silence.noted(bucket.place, () => bucket.find(key, signal));
    if (found) {
      this.#away.set(key, found);
      this.#known.set(key, identityOf(found.record.artifact));
    } else this.#missed.add(key);
    return found?.record;
  }

  isAway({ key, artifact }: BuildRecord): boolean {
    const away = this.#away.get(key)?.record;
    return away !== undefined && identityOf(away.artifact) === identityOf(artifact);
  }

  async fetch(record: BuildRecord, signal: AbortSignal): Promise<boolean> {
    const found = this.#away.get(record.key);
    if (!found) return this.#options.local.has(record.artifact);
    return (await this.#fetchOnce(found, signal)) === 'here';
  }

  async claim(key: Key, about: ClaimAbout, signal: AbortSignal): Promise<Claim> {
    const bucket = about.below.every(isShareable) ? await this.#open() : undefined;
    if (!bucket || !(await bucket.isWritable(signal))) return UNHELD;
    const claim = await this.#claims.claim(bucket, key, about, signal);
    // It was missing when this build began: another machine may have built it since.
    if (claim.type === 'own' && claim.isHeld) this.#missed.forget(key);
    return claim;
  }

  async awaitClaim(key: Key, signal: AbortSignal): Promise<void> {
    await this.#claims.wait(await this.#open(), key, signal);
    this.#missed.forget(key);
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
      if (identityOf(decided.record.artifact) === identityOf(one.artifact)) continue;
      onNote(
        `${record.layer} is not shared: it depends on a different build of ${one.layer} than the one in ${bucket.place}`,
      );
      return record;
    }
    const decided = await this.#offer(record, bucket, { replaces, adopts: true, signal });
    if (!decided && signal.aborted) onNote(`${record.layer} was built but not shared: interrupted`);
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
      if (identityOf(decided.record.artifact) !== identityOf(one.artifact)) return 'other';
      isNew = decided.isNew;
    }
    return isNew ? 'pushed' : 'there';
  }

  /** Closes the connections. */
  close(): void {
    this.#bucket?.then(
      (bucket) => bucket.close(),
      () => {}, // thrown to the caller that opened it
    );
  }

  isWritable = async (signal: AbortSignal): Promise<boolean> => (await this.#open()).isWritable(signal);

  async hasAnswered(): Promise<boolean> {
    return (await this.#bucket)?.hasAnswered ?? true;
  }

  tally(): SharedTally | undefined {
    const [fetched, pushed] = [this.#fetched.total, this.#pushed.total];
    if (fetched.count + pushed.count === 0) return undefined;
    return {
      fetched,
      pushed: { ...pushed, count: this.#recorded },
      savedSeconds: Math.round(this.#savedSeconds * 1000) / 1000,
    };
  }

  /**
   * Uploads an artifact and its record, unless there already is a usable record under its key. Returns the record that
   * is there then; undefined when it is unknown.
   */
  async #offer(record: BuildRecord, bucket: Bucket, options: OfferOptions): Promise<Decided | undefined> {
    const { key } = record;
    const identity = identityOf(record.artifact);
    const { signal } = options;
    if (this.#known.get(key) === identity) return { record, isNew: false };
    let isWritten = false;
    for (let round = 0; round < ROUNDS; round++) {
      const seen = await this.#stateOf(key, bucket, signal);
      if (seen.state === 'unknown') return undefined;
      let condition: Condition = seen.state === 'bad' ? { tag: seen.tag } : 'absent';
      if (seen.state === 'found') {
        const { found } = seen;
        const isSame = identityOf(found.record.artifact) === identity;
        const isDamaged = this.#damaged.has(identityOf(found.record.artifact));
        const isWhole =
          !isDamaged && !(isSame && options.repairs && (await this.#isLost(found, bucket, signal)));
        if (isSame && isWhole) return this.#foundSame(found.record, isWritten);
        if (!isSame && !(options.replaces && round === 0)) {
          if (!options.adopts) return { record: found.record, isNew: false };
          const fetched = await this.#adopt(record, found, options);
          if (fetched === 'here') return { record: found.record, isNew: false };
          if (fetched === 'unreachable') return undefined;
        }
        // Records of another scope may be read, but not replaced.
        if (found.scope !== bucket.scope) return undefined;
        condition = { tag: found.tag };
      }
      // It was refused, since there is one: reads lag.
      if (isWritten && seen.state !== 'found')
        await delay(LAG * 2 ** round, undefined, { signal }).catch(() => {});
      if (!(await this.#send(record, bucket, options))) return undefined;
      const put = await bucket.write(record, condition, signal);
      if (put.ok) return this.#foundSame(record, true);
      if (put.error.kind !== 'taken' && put.error.kind !== 'absent') return undefined;
      isWritten = true; // perhaps by this client: an answer was lost
    }
    const why = `${bucket.place} refuses its record, since it has one, and does not show that yet`;
    if (!signal.aborted) this.#options.onNote(`${record.layer} is not shared: ${why}`);
    return undefined;
  }

  /** The state of a key in the scopes that this build reads. */
  async #stateOf(key: Key, bucket: Bucket, signal: AbortSignal): Promise<RecordState> {
    let seen: RecordState = { state: 'unknown' };
    for (const scope of bucket.scopes) {
      seen = await bucket.inspect(scope, key, signal);
      const isUsable = seen.state === 'found' && !this.#damaged.has(identityOf(seen.found.record.artifact));
      if (isUsable || seen.state === 'unknown') return seen;
    }
    return seen;
  }

  async #adopt(record: BuildRecord, found: FoundRecord, { signal }: OfferOptions): Promise<Fetched> {
    const fetched = await this.#fetchOnce(found, signal);
    if (fetched === 'here') {
      this.#options.onNote(`another machine published ${record.layer} first: using its build`);
    }
    return fetched;
  }

  /** Uploads the disks of an artifact that are not there. */
  async #send(record: BuildRecord, bucket: Bucket, { signal }: OfferOptions): Promise<boolean> {
    const { layer, artifact } = record;
    const isDamaged = this.#damaged.has(identityOf(artifact));
    const missing = await missingDisks(artifact.disks, isDamaged ? undefined : this.#sent, bucket, signal);
    if (missing === undefined) return false;
    if (missing.length === 0) return true;
    const all = missing.reduce((sum, { bytes }) => sum + bytes, 0);
    const isThere = await this.#limits.push(all, () =>
      this.#pushed.count(record, async (onTransfer) => {
        const sent = await sendDisks(missing, bucket, this.#options.local, onTransfer, signal);
        if (sent.type === 'sent') return { result: true, bytes: sent.bytes };
        if (sent.why !== undefined) this.#options.onNote(`${layer} is not shared: ${sent.why}`);
        return { result: false };
      }),
    );
    if (isThere) {
      this.#damaged.delete(identityOf(artifact));
      for (const { digest } of missing) this.#sent.add(digest);
    }
    return isThere;
  }

  /** Fetches an artifact once for all concurrent callers; a failed fetch may be repeated. */
  #fetchOnce(found: FoundRecord, signal: AbortSignal): Promise<Fetched> {
    const { artifact } = found.record;
    const identity = identityOf(artifact);
    const running = this.#fetches.get(identity);
    if (running) return running;
    const fetching = this.#limits.fetch(bytesOf(artifact), () => this.#fetch(found, signal));
    this.#fetches.set(identity, fetching);
    fetching.finally(() => this.#fetches.delete(identity)).catch(() => {}); // thrown to the callers
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
      this.#known.set(record.key, identityOf(record.artifact));
    } else {
      this.#known.delete(record.key);
      this.#missed.addUnusable(record.key);
    }
    return fetched;
  }

  async #receive(found: FoundRecord, onTransfer: OnTransfer, signal: AbortSignal): Promise<number | Fetched> {
    const { local, flush } = this.#options;
    const { layer, artifact } = found.record;
    const bucket = await this.#open();
    const received = await receive(found, bucket, { local, flush }, onTransfer, signal);
    if (received.type === 'here') return received.bytes;
    if (received.why !== undefined) {
      this.#noteOnce(`cannot fetch ${layer} from the shared cache ${bucket.place}: ${received.why}`);
    }
    if (received.type === 'damaged') this.#damaged.add(identityOf(artifact));
    return received.type;
  }

  #noteOnce(message: string): void {
    if (this.#noted.has(message)) return;
    this.#noted.add(message);
    this.#options.onNote(message);
  }

  #foundSame(record: BuildRecord, isNew: boolean): Decided {
    const { artifact } = record;
    this.#known.set(record.key, identityOf(artifact));
    if (isNew && artifact.disks.some(({ digest }) => this.#sent.has(digest))) this.#recorded++;
    return { record, isNew };
  }

  /** Whether a disk of a record in the own scope is missing. */
  async #isLost({ record, scope }: FoundRecord, bucket: Bucket, signal: AbortSignal): Promise<boolean> {
    if (scope !== bucket.scope) return false;
    for (const { digest } of record.artifact.disks) {
      const there = await bucket.has(digest, signal);
      if (there.ok && !there.value) return true;
    }
    return false;
  }

  #open(): Promise<Bucket> {
    this.#bucket ??= this.#options.open();
    return this.#bucket;
  }
}

interface OfferOptions extends PublishOptions {
  /** Whether a different record that is there is fetched and used instead of this one. */
  readonly adopts: boolean;
  /** Whether a record that is there is checked for a missing artifact. */
  readonly repairs?: boolean;
}

/** The record in the bucket. */
interface Decided {
  readonly record: BuildRecord;
  /** Whether it was written just now. */
  readonly isNew: boolean;
}
