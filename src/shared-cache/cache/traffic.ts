// What goes over the network: how much one way, for how long something did, and how far each artifact is.

import type { BuildRecord } from '../../model/artifact.ts';
import type { Transfer } from '../../model/event.ts';
import type { Traffic } from '../../model/ports/shared-cache.ts';

/** How far a transfer is: bytes of the artifact, not compressed. */
export type OnTransfer = (bytes: number) => void;

/** A second. */
const TOLD_EVERY = 1000;

export class TrafficMeter {
  readonly #direction: Transfer['direction'];
  readonly #tell: (transfer: Transfer) => void;
  #count = 0;
  #bytes = 0;
  #milliseconds = 0;
  #running = 0;
  #since = 0;

  constructor(direction: Transfer['direction'], tell: (transfer: Transfer) => void) {
    this.#direction = direction;
    this.#tell = tell;
  }

  /**
   * Counts an artifact that goes, and tells how far it is.
   * @param work gives what is returned, and how many bytes went, compressed; without them it was in vain
   */
  async count<T>(
    { layer, artifact }: BuildRecord,
    work: (onTransfer: OnTransfer) => Promise<{ readonly result: T; readonly bytes?: number }>,
  ): Promise<T> {
    let latest = 0;
    let toldAt = performance.now();
    const say = (state: Transfer['state']) =>
      this.#tell({
        type: 'transfer',
        direction: this.#direction,
        layer,
        state,
        bytes: latest,
        total: artifact.bytes,
      });
    if (this.#running++ === 0) this.#since = performance.now();
    say('begun');
    try {
      const { result, bytes } = await work((far) => {
        latest = far;
        if (performance.now() - toldAt < TOLD_EVERY) return;
        toldAt = performance.now();
        say('under way');
      });
      if (bytes !== undefined) this.#count++;
      this.#bytes += bytes ?? 0;
      return result;
    } finally {
      if (--this.#running === 0) this.#milliseconds += performance.now() - this.#since;
      say('ended');
    }
  }

  get total(): Traffic {
    return { count: this.#count, bytes: this.#bytes, seconds: Math.round(this.#milliseconds) / 1000 };
  }
}
