// Measures transfers in one direction: bytes, duration, and the progress of each artifact.

import { type BuildRecord, bytesOf } from '../../model/artifact.ts';
import type { Transfer } from '../../model/event.ts';
import type { Traffic } from '../../model/ports/shared-cache.ts';

/** Called with the progress of a transfer: bytes of the artifact, uncompressed. */
export type OnTransfer = (bytes: number) => void;

/** How often progress is reported, ms. */
const REPORT_EVERY = 1000;

export class TrafficMeter {
  readonly #direction: Transfer['direction'];
  readonly #emit: (transfer: Transfer) => void;
  #count = 0;
  #bytes = 0;
  #milliseconds = 0;
  #running = 0;
  #since = 0;

  constructor(direction: Transfer['direction'], emit: (transfer: Transfer) => void) {
    this.#direction = direction;
    this.#emit = emit;
  }

  /**
   * Measures the transfer of an artifact, and reports its progress.
   * @param work returns its result and the number of transferred bytes, compressed; none if the transfer failed
   */
  async count<T>(
    { layer, artifact }: BuildRecord,
    work: (onTransfer: OnTransfer) => Promise<{ readonly result: T; readonly bytes?: number }>,
  ): Promise<T> {
    let latest = 0;
    let reportedAt = performance.now();
    const report = (state: Transfer['state']) =>
      this.#emit({
        type: 'transfer',
        direction: this.#direction,
        layer,
        state,
        bytes: latest,
        total: bytesOf(artifact),
      });
    if (this.#running++ === 0) this.#since = performance.now();
    report('begun');
    try {
      const { result, bytes } = await work((progress) => {
        latest = progress;
        if (performance.now() - reportedAt < REPORT_EVERY) return;
        reportedAt = performance.now();
        report('under way');
      });
      if (bytes !== undefined) this.#count++;
      this.#bytes += bytes ?? 0;
      return result;
    } finally {
      if (--this.#running === 0) this.#milliseconds += performance.now() - this.#since;
      report('ended');
    }
  }

  get total(): Traffic {
    return { count: this.#count, bytes: this.#bytes, seconds: Math.round(this.#milliseconds) / 1000 };
  }
}
