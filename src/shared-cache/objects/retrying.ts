// Dealings with an object store over a bad network: time-outs, further tries with longer and longer pauses, and an end to
// all of it when nothing helps. So a build waits a while for a shared cache, and then goes on without it.

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
  /** How often a request is tried. */
  readonly tries: number;
  /** For how long a request is tried again, ms, from its first try on: one that only hangs is not tried as often. */
  readonly triedFor: number;
  /** The pause before the second try, ms; each further one is twice as long, and a part of it is left to chance. */
  readonly firstPause: number;
  readonly longestPause: number;
  /** How long a request may take, ms; one that moves a part of an artifact. */
  readonly within: number;
  readonly partWithin: number;
  /** A transfer has to bring so many bytes in each such time, ms, or it is given up as one that stands still. */
  readonly leastBytes: number;
  readonly leastEvery: number;
  /** After so many requests in a row that failed for good, nothing more is asked. */
  readonly failures: number;
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
};

/** What has no more bytes moves in no time over any network that is of use. */
const SMALL = 64 * 1024;

/** What a stream throws when it fails; the reader of the stream catches it. */
export class StoreException extends Error {
  readonly reason: StoreError;

  constructor(reason: StoreError) {
    super(reason.message);
    this.reason = reason;
  }
}

/** What `read` gives. */
export interface SmallObject {
  readonly bytes: Buffer | undefined;
  readonly tag: string;
}

export class RetryingObjectStore {
  readonly place: string;
  readonly #store: ObjectStore;
  readonly #policy: RetryPolicy;
  readonly #onLost: (why: string) => void;
  /** Whether anything has ever been answered. */
  #answered = false;
  #failed = 0;
  #lost = false;

  /**
   * @param onLost called once, when nothing more is going to be asked
   */
  constructor(store: ObjectStore, policy: RetryPolicy, onLost: (why: string) => void) {
    this.place = store.place;
    this.#store = store;
    this.#policy = policy;
    this.#onLost = onLost;
  }

  /** Whether it was given up. */
  get isLost(): boolean {
    return this.#lost;
  }

  head(name: string, signal: AbortSignal): Promise<Answer<ObjectInfo>> {
    return this.#persist((own) => this.#store.head(name, own), signal);
  }

  put(name: string, bytes: Uint8Array, condition: Condition, signal: AbortSignal): Promise<Answer<void>> {
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

  /** A small object as a whole; without its bytes when it has more than `most`. */
  read(name: string, most: number, signal: AbortSignal): Promise<Answer<SmallObject>> {
    return this.#persist(async (own) => {
      const got = await this.#store.get(name, 0, undefined, own);
      return got.ok ? this.#whole(got.value, most, own) : got;
    }, signal);
  }

  /** The bytes of a large object; where the transfer breaks off, it goes on from there. Throws a StoreException. */
  async *stream(name: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let [at, tag, tries] = [0, undefined as string | undefined, 0];
    for (;;) {
      const got = await this.#persist((own) => this.#store.get(name, at, tag, own), signal);
      if (!got.ok) throw new StoreException(got.error);
      tag = got.value.tag;
      let why = CUT_OFF;
      const from = at;
      // A server may take no notice of where it should begin: RFC 9110, section 14.2.
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
      // What goes forward may break off as often as it likes.
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
        // A try whose answer was lost has completed it: the upload is gone, and the object is there.
        const there = await this.head(name, own);
        return there.ok ? answer(undefined) : there;
      },
      abort: (own) => (this.#lost ? Promise.resolve() : upload.abort(own)),
    });
  }

  close(): void {
    this.#store.close();
  }

  async #whole(
    { bytes, tag, body }: Received,
    most: number,
    signal: AbortSignal,
  ): Promise<Answer<SmallObject>> {
    const pieces: Uint8Array[] = [];
    let came = 0;
    try {
      for await (const piece of this.#watched(body, signal)) {
        came += piece.length;
        // A server may promise less than it sends, or nothing.
        if (Math.max(bytes, came) > most) return answer({ bytes: undefined, tag });
        pieces.push(piece);
      }
    } catch (error) {
      return storeError('unavailable', messageOf(error));
    }
    return came === bytes
      ? answer({ bytes: Buffer.concat(pieces), tag })
      : storeError('unavailable', CUT_OFF);
  }

  async #persist<T>(
    request: (signal: AbortSignal) => Promise<Answer<T>>,
    signal: AbortSignal,
    within = this.#policy.within,
  ): Promise<Answer<T>> {
    const begun = performance.now();
    for (let tried = 1; ; tried++) {
      if (signal.aborted) return storeError('interrupted', 'interrupted');
      if (this.#lost) return storeError('unavailable', 'it was given up');
      // Only until the answer is there: how long its body may take is another matter.
      const late = new AbortController();
      const clock = setTimeout(() => late.abort(), within);
      let got = await request(AbortSignal.any([signal, late.signal])).finally(() => clearTimeout(clock));
      if (!got.ok && got.error.kind === 'interrupted' && !signal.aborted) {
        got = storeError('unavailable', `no answer within ${within / 1000} s`);
      }
      const isFinal = got.ok || got.error.kind !== 'unavailable';
      const isLast = tried === this.#policy.tries || performance.now() - begun > this.#policy.triedFor;
      if (isFinal || isLast) {
        this.#note(got.ok ? undefined : got.error);
        return got;
      }
      await this.#pause(tried, signal);
    }
  }

  /** Counts failures in a row. As long as nothing ever came back, the first is one too many. */
  #note(failed: StoreError | undefined): void {
    if (failed?.kind === 'interrupted') return;
    if (failed?.kind !== 'unavailable' && failed?.kind !== 'unusable') {
      this.#answered = true;
      this.#failed = 0;
      return;
    }
    this.#failed++;
    const isBearable = this.#answered && this.#failed < this.#policy.failures;
    if (this.#lost || (isBearable && failed.kind === 'unavailable')) return;
    this.#lost = true;
    this.#onLost(failed.message);
  }

  async #pause(tried: number, signal: AbortSignal): Promise<void> {
    const { firstPause, longestPause } = this.#policy;
    const longest = Math.min(longestPause, firstPause * 2 ** (tried - 1));
    // By chance, so that many that failed at once do not come back at once.
    await delay(longest * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {}); // rejects on abort
  }

  /** The pieces of a body that does not stand still. Only waiting counts, not what the reader does meanwhile. */
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
