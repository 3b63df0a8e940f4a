// An object store with timeouts and retries with exponential backoff. After repeated failures it is not used: a build waits a
// while for a shared cache, and then continues without it. Now and then one request is made, and if it is answered, all are again.
//
// Not built on a library such as cockatiel: policies compose around one call that succeeds or throws, while most of
// this file resumes streams at an offset, times bodies only while they are read, and recognizes multipart uploads whose
// answer was lost. The retry loop itself is 20 lines.

import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Answer,
  answer,
  type Condition,
  type ListPage,
  type ObjectInfo,
  type ObjectStore,
  type PartUpload,
  type Received,
  type StoreError,
  storeError,
} from '../../model/ports/object-store.ts';
import { systemError } from '../../util/errors.ts';

export interface RetryPolicy {
  /** The number of tries of a request. */
  readonly tries: number;
  /** How long after its first try a request is still retried, ms: fewer tries for requests that time out. */
  readonly triedFor: number;
  /** The pause before the second try, ms; doubled for each further one, with jitter. */
  readonly firstPause: number;
  readonly longestPause: number;
  /** The timeout of a request, ms; and of one that transfers a part of an artifact. */
  readonly within: number;
  readonly partWithin: number;
  /** A transfer of less than `leastBytes` within `leastEvery` ms has stalled and is cut off. */
  readonly leastBytes: number;
  readonly leastEvery: number;
  /** The number of consecutive failed requests after which no more are made. */
  readonly failures: number;
  /** How long after that one request is made, ms, with one try and this timeout; and then again. */
  readonly againAfter: number;
  readonly againWithin: number;
}

export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  tries: 4,
  triedFor: 45_000,
  firstPause: 200,
  longestPause: 5_000,
  within: 30_000,
  partWithin: 180_000,
  leastBytes: 64 * 1024,
  leastEvery: 15_000,
  failures: 3,
  againAfter: 30_000,
  againWithin: 5_000,
};

/** Reports that a store fails. */
export interface StoreWatcher {
  /** No more requests are made, for good or until one is answered. */
  onLost(why: string, forGood: boolean): void;
  /** It is used again. */
  onFound(): void;
}

/** Bodies up to this size have the short timeout, bytes. */
const SMALL = 64 * 1024;

/** What a stream throws when it fails; the reader of the stream catches it. */
export class StoreException extends Error {
  readonly reason: StoreError;

  constructor(reason: StoreError) {
    super(reason.message);
    this.reason = reason;
  }
}

/** The result of `read`. */
export interface SmallObject {
  readonly bytes: Buffer | undefined;
  readonly tag: string;
  /** See `Received`. */
  readonly age: number | undefined;
}

export class RetryingObjectStore {
  readonly place: string;
  readonly #store: ObjectStore;
  readonly #policy: RetryPolicy;
  readonly #watcher: StoreWatcher;
  /** Whether any request was ever answered. */
  #answered = false;
  #failed = 0;
  /** When a request is made again, by `performance.now()`; undefined while all are. */
  #askAt: number | undefined;

  constructor(store: ObjectStore, policy: RetryPolicy, watcher: StoreWatcher) {
    this.place = store.place;
    this.#store = store;
    this.#policy = policy;
    this.#watcher = watcher;
  }

  /** Whether it is not used. */
  get isLost(): boolean {
    return this.#askAt !== undefined;
  }

  head(name: string, signal: AbortSignal): Promise<Answer<ObjectInfo>> {
    return this.#persist((own) => this.#store.head(name, own), signal);
  }

  put(name: string, bytes: Uint8Array, condition: Condition, signal: AbortSignal): Promise<Answer<string>> {
    const { within, partWithin } = this.#policy;
    const longest = bytes.length > SMALL ? partWithin : within;
    return this.#persist((own) => this.#store.put(name, bytes, condition, own), signal, longest);
  }

  list(prefix: string, after: string | undefined, signal: AbortSignal): Promise<Answer<ListPage>> {
    return this.#persist((own) => this.#store.list(prefix, after, own), signal);
  }

  delete(names: readonly string[], signal: AbortSignal): Promise<Answer<void>> {
    return this.#persist((own) => this.#store.delete(names, own), signal);
  }

  /** A small object as a whole; without its bytes when there are more than `most`. */
  read(name: string, most: number, signal: AbortSignal): Promise<Answer<SmallObject>> {
    return this.#persist(async (own) => {
      const got = await this.#store.get(name, 0, undefined, own);
      return got.ok ? this.#whole(got.value, most, own) : got;
    }, signal);
  }

  /** The bytes of a large object; resumes a transfer that breaks off. Throws a StoreException. */
  async *stream(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let [at, tag, tries] = [0, undefined as string | undefined, 0];
    for (;;) {
      const got = await this.#persist((own) => this.#store.get(name, at, tag, own), signal);
      if (!got.ok) throw new StoreException(got.error);
      tag = got.value.tag;
      let why = CUT_OFF;
      const from = at;
      // A server may ignore the requested range: RFC 9110, section 14.2.
      let known = at - got.value.from;
      try {
        for await (const piece of this.#watched(got.value.body, signal)) {
          const skipped = Math.min(known, piece.length);
          known -= skipped;
          if (skipped === piece.length) continue;
          at += piece.length - skipped;
          yield skipped === 0 ? piece : piece.subarray(skipped);
        }
      } catch (error) {
        why = messageOf(error);
      }
      if (signal.aborted) throw new StoreException({ kind: 'interrupted', message: 'interrupted' });
      if (at === got.value.bytes) return;
      // A transfer that makes progress may break off any number of times.
      tries = at > from ? 1 : tries + 1;
      if (tries >= this.#policy.tries) {
        const failed = { kind: 'unavailable', message: why } as const;
        this.#note(failed);
        throw new StoreException(failed);
      }
      await this.#pause(tries, signal);
    }
  }

  async begin(name: string, signal: AbortSignal): Promise<Answer<PartUpload>> {
    const begun = await this.#persist((own) => this.#store.begin(name, own), signal);
    if (!begun.ok) return begun;
    const upload = begun.value;
    return answer({
      part: (number, bytes, own) =>
        this.#persist((tried) => upload.part(number, bytes, tried), own, this.#policy.partWithin),
      complete: async (own) => {
        const done = await this.#persist((tried) => upload.complete(tried), own, this.#policy.partWithin);
        if (done.ok || done.error.kind !== 'absent') return done;
        // An earlier try, whose answer was lost, has completed it: the upload is gone and the object is there.
        const there = await this.head(name, own);
        return there.ok ? answer(undefined) : there;
      },
      abort: (own) => (this.isLost ? Promise.resolve() : upload.abort(own)),
    });
  }

  close(): void {
    this.#store.close();
  }

  async #whole(
    { bytes, tag, age, body }: Received,
    most: number,
    signal: AbortSignal,
  ): Promise<Answer<SmallObject>> {
    const pieces: Uint8Array[] = [];
    let came = 0;
    try {
      for await (const piece of this.#watched(body, signal)) {
        came += piece.length;
        // A server may announce fewer bytes than it sends, or none.
        if (Math.max(bytes, came) > most) return answer({ bytes: undefined, tag, age });
        pieces.push(piece);
      }
    } catch (error) {
      return storeError('unavailable', messageOf(error));
    }
    return came === bytes
      ? answer({ bytes: Buffer.concat(pieces), tag, age })
      : storeError('unavailable', CUT_OFF);
  }

  async #persist<T>(
    request: (signal: AbortSignal) => Promise<Answer<T>>,
    signal: AbortSignal,
    within = this.#policy.within,
  ): Promise<Answer<T>> {
    const begun = performance.now();
    if (this.#mayAskAgain()) return this.#once(request, signal, this.#policy.againWithin);
    for (let tried = 1; ; tried++) {
      if (signal.aborted) return storeError('interrupted', 'interrupted');
      if (this.isLost) return storeError('unavailable', 'not used after repeated failures');
      const isLast = () => tried === this.#policy.tries || performance.now() - begun > this.#policy.triedFor;
      const got = await this.#once(request, signal, within, isLast);
      if (got.ok || got.error.kind !== 'unavailable' || isLast()) return got;
      await this.#pause(tried, signal);
    }
  }

  /** One try, whose result counts unless it may be tried again. */
  async #once<T>(
    request: (signal: AbortSignal) => Promise<Answer<T>>,
    signal: AbortSignal,
    within: number,
    isLast: () => boolean = () => true,
  ): Promise<Answer<T>> {
    // Only until the answer arrives: its body is timed by #watched.
    const late = new AbortController();
    const clock = setTimeout(() => late.abort(), within);
    let got = await request(AbortSignal.any([signal, late.signal])).finally(() => clearTimeout(clock));
    if (!got.ok && got.error.kind === 'interrupted' && !signal.aborted) {
      got = storeError('unavailable', `no answer within ${within / 1000} s`);
    }
    if (got.ok || got.error.kind !== 'unavailable' || isLast()) this.#note(got.ok ? undefined : got.error);
    return got;
  }

  /** Whether a request is to find out if a store that failed answers again. The others are not made until then. */
  #mayAskAgain(): boolean {
    if (this.#askAt === undefined || performance.now() < this.#askAt) return false;
    this.#askAt = performance.now() + this.#policy.againAfter;
    return true;
  }

  /** Counts consecutive failures. Before any request was answered, the first one is final. */
  #note(failed: StoreError | undefined): void {
    if (failed?.kind === 'interrupted') return;
    if (failed?.kind !== 'unavailable' && failed?.kind !== 'unusable') {
      this.#answered = true;
      this.#failed = 0;
      if (this.isLost) this.#watcher.onFound();
      this.#askAt = undefined;
      return;
    }
    this.#failed++;
    const isTolerable = this.#answered && this.#failed < this.#policy.failures;
    if (this.isLost || (isTolerable && failed.kind === 'unavailable')) return;
    const forGood = !this.#answered || failed.kind === 'unusable';
    this.#askAt = forGood ? Number.POSITIVE_INFINITY : performance.now() + this.#policy.againAfter;
    this.#watcher.onLost(failed.message, forGood);
  }

  async #pause(tried: number, signal: AbortSignal): Promise<void> {
    const { firstPause, longestPause } = this.#policy;
    const longest = Math.min(longestPause, firstPause * 2 ** (tried - 1));
    // Jitter, so that requests that failed together are not retried together.
    await delay(longest * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {}); // rejects on abort
  }

  /** The pieces of a body; throws when it stalls. Counts only time waiting for the network, not for the reader. */
  async *#watched(body: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { leastBytes, leastEvery } = this.#policy;
    const stop = (why: string) => body.destroy(new Error(why));
    const tooSlow = (came: number) => `only ${came} bytes came within ${leastEvery / 1000} s`;
    const onAbort = () => stop('interrupted');
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    let [came, waited, since] = [0, 0, performance.now()];
    const clock = setTimeout(() => stop(tooSlow(came)), leastEvery);
    try {
      for await (const piece of body) {
        clearTimeout(clock);
        came += piece.length;
        waited += performance.now() - since;
        if (waited > leastEvery) {
          if (came < leastBytes) throw new Error(tooSlow(came));
          [came, waited] = [0, 0];
        }
        yield piece;
        since = performance.now();
        clock.refresh();
      }
    } finally {
      clearTimeout(clock);
      signal.removeEventListener('abort', onAbort);
      body.destroy();
    }
  }
}

const CUT_OFF = 'the transfer was cut off';

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) throw error;
  const { code } = systemError(error);
  return code === 'ECONNRESET' ? CUT_OFF : error.message || code || error.name;
}
