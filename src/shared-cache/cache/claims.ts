// Claims: which keys are being built where, so that two machines do not build the same at the same time. They are hints: what
// counts is the record that is written first. One that is not renewed is void, by the age that the server gives, so no clock of
// a machine matters.

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Key } from '../../model/artifact.ts';
import type { Condition } from '../../model/ports/object-store.ts';
import type { Claim, ClaimAbout, ClaimedBy } from '../../model/ports/shared-cache.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { type ClaimText, claimText, ENDED_CLAIM, parseClaim } from '../bucket/claim-text.ts';

/** What a claim says of this machine. */
export interface Claimant {
  readonly host: string;
  readonly pid: number;
  /** The job of an engine that this process runs. If the job began before, on a node that died, its claims of then are void. */
  readonly job?: string | undefined;
}

/** Times, ms. */
export interface ClaimPolicy {
  /** A claim that was not renewed for so long is void. */
  readonly voidAfter: number;
  readonly renewEvery: number;
  /** How often a claim of another machine is read. A part is random, so that many do not ask at the same time. */
  readonly askEvery: number;
  /** How long its removal may take. */
  readonly removeWithin: number;
}

export const DEFAULT_CLAIM_POLICY: ClaimPolicy = {
  voidAfter: 60_000,
  renewEvery: 20_000,
  askEvery: 4_000,
  removeWithin: 5_000,
};

/** Of a key that is built without a claim. */
export const UNHELD: Claim = { type: 'own', isHeld: false, [Symbol.asyncDispose]: async () => {} };

type Seen =
  | { readonly type: 'free'; readonly condition: Condition }
  | { readonly type: 'claimed'; readonly by: ClaimText; readonly tag: string }
  | { readonly type: 'unknown' };

export class Claims {
  readonly #claimant: Claimant;
  readonly #policy: ClaimPolicy;
  /** Until the server refuses it. */
  #mayRemove = true;
  /** The tags of claims that were not renewed while this machine waited for them. */
  readonly #unchanged = new Map<Key, string>();
  /** The owners of all claims of this process. */
  readonly #owners = new Set<string>();

  constructor(claimant: Claimant, policy: ClaimPolicy = DEFAULT_CLAIM_POLICY) {
    this.#claimant = claimant;
    this.#policy = policy;
  }

  /** Claims a key, unless another machine has done so. A bucket that does not answer claims nothing. */
  async claim(
    bucket: Bucket,
    key: Key,
    { layer, usually }: Pick<ClaimAbout, 'layer' | 'usually'>,
    signal: AbortSignal,
  ): Promise<Claim> {
    const { job, ...claimant } = this.#claimant;
    const about = {
      owner: `${job === undefined ? '' : `${job}/`}${randomUUID()}`,
      layer,
      ...claimant,
      usually,
    };
    this.#owners.add(about.owner);
    const begun = performance.now();
    const text = () => claimText({ ...about, since: Math.round((performance.now() - begun) / 1000) });
    let condition: Condition = 'absent';
    for (let round = 0; round < ROUNDS; round++) {
      const put = await bucket.writeClaim(key, text(), condition, signal);
      if (put.ok) return this.#held(bucket, key, about.owner, text, put.value);
      // It may have been written all the same.
      if (put.error.kind === 'interrupted') await this.#end(bucket, key, about.owner);
      if (put.error.kind !== 'taken' && put.error.kind !== 'absent') return UNHELD;
      const seen = await this.#look(bucket, key, signal);
      if (seen.type === 'unknown') return UNHELD;
      if (seen.type === 'claimed') {
        // The answer to the write was lost.
        if (seen.by.owner === about.owner) return this.#held(bucket, key, about.owner, text, seen.tag);
        return { type: 'other', by: withoutOwner(seen.by) };
      }
      condition = seen.condition;
    }
    return UNHELD;
  }

  /** Waits until a key is not claimed by another machine. */
  async wait(bucket: Bucket, key: Key, signal: AbortSignal): Promise<void> {
    let last = '';
    let since = performance.now();
    while (!signal.aborted) {
      const pause = this.#policy.askEvery * (0.75 + Math.random() / 2);
      await delay(pause, undefined, { signal }).catch(() => {}); // rejects on abort
      if (signal.aborted) return;
      const seen = await this.#look(bucket, key, signal);
      if (seen.type !== 'claimed') return;
      if (seen.tag !== last) [last, since] = [seen.tag, performance.now()];
      // Whatever the server says of its age: it was seen not to change.
      else if (performance.now() - since > this.#policy.voidAfter) this.#unchanged.set(key, seen.tag);
    }
  }

  async #look(bucket: Bucket, key: Key, signal: AbortSignal): Promise<Seen> {
    const read = await bucket.readClaim(key, signal);
    if (!read.ok)
      return read.error.kind === 'absent' ? { type: 'free', condition: 'absent' } : { type: 'unknown' };
    const { bytes, tag, age } = read.value;
    if (age === undefined) return { type: 'unknown' };
    const by = parseClaim(bytes);
    const isVoid =
      age > this.#policy.voidAfter ||
      this.#unchanged.get(key) === tag ||
      (by !== undefined && this.#isOfEarlierRun(by.owner));
    // What has ended or cannot be read is replaced, as what is void.
    if (!by || isVoid) return { type: 'free', condition: { tag } };
    return { type: 'claimed', by: { ...by, since: by.since + Math.round(age / 1000) }, tag };
  }

  /** Whether a claim is of the same job, before the engine began it again. */
  #isOfEarlierRun(owner: string): boolean {
    const { job } = this.#claimant;
    return job !== undefined && owner.startsWith(`${job}/`) && !this.#owners.has(owner);
  }

  /** Ends a claim, unless another machine has it by now. */
  async #end(bucket: Bucket, key: Key, owner: string): Promise<void> {
    const signal = AbortSignal.timeout(this.#policy.removeWithin);
    const tag = await ownTag(bucket, key, owner, signal);
    if (tag === undefined) return;
    if (this.#mayRemove) {
      const removed = await bucket.removeClaim(key, signal);
      if (removed.ok || removed.error.kind !== 'refused') return; // one that stays is void soon
      this.#mayRemove = false;
    }
    await bucket.writeClaim(key, ENDED_CLAIM, { tag }, signal);
  }

  /** A claim that is renewed until its end, or until another machine has replaced it. */
  #held(bucket: Bucket, key: Key, owner: string, text: () => Buffer, written: string): Claim {
    let tag: string | undefined = written;
    let renewal: Promise<void> = Promise.resolve();
    const over = new AbortController();
    const renew = async () => {
      if (tag === undefined) return;
      const put = await bucket.writeClaim(key, text(), { tag }, over.signal);
      if (put.ok) tag = put.value;
      // The answer to an earlier try may have been lost.
      else if (put.error.kind === 'taken') tag = await ownTag(bucket, key, owner, over.signal);
      else if (put.error.kind === 'absent') tag = undefined;
    };
    const timer = setInterval(() => {
      renewal = renewal.then(renew);
    }, this.#policy.renewEvery);
    timer.unref();
    return {
      type: 'own',
      isHeld: true,
      [Symbol.asyncDispose]: async () => {
        clearInterval(timer);
        over.abort();
        await renewal;
        await this.#end(bucket, key, owner);
      },
    };
  }
}

/** How often a claim is written while others write and remove theirs. */
const ROUNDS = 3;

/** The tag of a claim; undefined where it is another machine's. */
async function ownTag(
  bucket: Bucket,
  key: Key,
  owner: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const read = await bucket.readClaim(key, signal);
  return read.ok && parseClaim(read.value.bytes)?.owner === owner ? read.value.tag : undefined;
}

function withoutOwner({ owner: _, ...by }: ClaimText): ClaimedBy {
  return by;
}
