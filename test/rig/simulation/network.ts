// The way of one machine to a bucket: requests are late, lost, repeated, or answered to nobody.

import { setTimeout as delay } from 'node:timers/promises';
import {
  type Answer,
  type Condition,
  type ListPage,
  type ObjectInfo,
  type ObjectStore,
  type PartUpload,
  type Received,
  storeError,
} from '../../../src/model/ports/object-store.ts';
import type { MemoryStore } from '../s3/memory-store.ts';
import { logNormal } from './random.ts';

/** Probabilities of each request. */
export interface Weather {
  /** It does not arrive. */
  readonly lost: number;
  /** It is done, and its answer does not arrive. */
  readonly unanswered: number;
  /** It is done once more, up to 20 s later. */
  readonly repeated: number;
  /** It takes up to 20 s. */
  readonly late: number;
}

/** Counts requests. */
export class Requests {
  readonly byKind = new Map<string, number>();
  readonly #bySecond = new Map<number, number>();
  total = 0;

  add(kind: string): void {
    const second = Math.floor(Date.now() / 1000);
    this.byKind.set(kind, (this.byKind.get(kind) ?? 0) + 1);
    this.#bySecond.set(second, (this.#bySecond.get(second) ?? 0) + 1);
    this.total++;
  }

  /** The most requests in one second. */
  get peak(): number {
    return Math.max(...this.#bySecond.values());
  }
}

/** Longest delay of a late or repeated request, ms. */
const LATE = 20_000;

export class SimulatedNetwork implements ObjectStore {
  readonly place: string;
  /** No request arrives before this time, ms; `Infinity` for a machine that is dead. */
  awayUntil = 0;
  readonly #server: MemoryStore;
  readonly #weather: Weather;
  readonly #requests: Requests;
  readonly #random: () => number;

  constructor(server: MemoryStore, weather: Weather, requests: Requests, random: () => number) {
    this.place = server.place;
    this.#server = server;
    this.#weather = weather;
    this.#requests = requests;
    this.#random = random;
  }

  head(name: string, signal: AbortSignal): Promise<Answer<ObjectInfo>> {
    return this.#ask('head', name, () => this.#server.head(name), signal);
  }

  get(name: string, from: number, tag: string | undefined, signal: AbortSignal): Promise<Answer<Received>> {
    return this.#ask('get', name, () => this.#server.get(name, from, tag), signal);
  }

  put(name: string, bytes: Uint8Array, condition: Condition, signal: AbortSignal): Promise<Answer<string>> {
    return this.#ask('put', name, () => this.#server.put(name, bytes, condition), signal);
  }

  delete(names: readonly string[], signal: AbortSignal): Promise<Answer<void>> {
    return this.#ask('delete', names[0] ?? '', () => this.#server.delete(names), signal);
  }

  begin(_name: string, _signal: AbortSignal): Promise<Answer<PartUpload>> {
    throw new Error('artifacts are small here');
  }

  list(_prefix: string, _after: string | undefined, _signal: AbortSignal): Promise<Answer<ListPage>> {
    throw new Error('no build lists a bucket');
  }

  close(): void {}

  async #ask<T>(
    method: string,
    name: string,
    request: () => Promise<Answer<T>>,
    signal: AbortSignal,
  ): Promise<Answer<T>> {
    if (Date.now() < this.awayUntil) {
      await pause(this.#latency(), signal);
      return signal.aborted ? INTERRUPTED : storeError('unavailable', 'the network is unreachable');
    }
    this.#requests.add(`${method} ${/(records|artifacts|claims)\//.exec(name)?.[1] ?? 'probe'}`);
    const { lost, unanswered, repeated } = this.#weather;
    if (this.#random() < lost) return never(signal);
    await pause(this.#latency(), signal);
    const isUnderWay = signal.aborted && this.#random() < 0.5;
    if (signal.aborted && !isUnderWay) return INTERRUPTED;
    const got = await request();
    if (this.#random() < repeated) setTimeout(() => void request(), this.#random() * LATE);
    if (signal.aborted) return INTERRUPTED;
    if (this.#random() < unanswered) return never(signal);
    await pause(this.#latency(), signal);
    return signal.aborted ? INTERRUPTED : got;
  }

  /** One way, ms. */
  #latency(): number {
    if (this.#random() < this.#weather.late) return this.#random() * LATE;
    return logNormal(40, 0.5, this.#random);
  }
}

const INTERRUPTED = storeError('interrupted', 'interrupted');

async function never(signal: AbortSignal): Promise<Answer<never>> {
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  return INTERRUPTED;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {}); // rejects on abort
}
