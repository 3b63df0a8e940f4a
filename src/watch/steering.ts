// Controls one build while files change: which scripts may start, and which runs are obsolete.

import type { Steering } from '../execute/run-context.ts';
import type { Key } from '../model/artifact.ts';
import type { LayerFinished } from '../model/event.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import type { Failures } from './failures.ts';
import type { Fingerprints } from './fingerprint.ts';

interface Run {
  readonly key: Key;
  readonly controller: AbortController;
}

export class BuildSteering implements Steering {
  /** Those of the project when it was planned. */
  readonly fingerprints: Fingerprints;
  readonly #failures: Failures;
  readonly #runs = new Map<string, Run>();
  /** Set while it is unknown what changed. */
  #paused: PromiseWithResolvers<void> | undefined;
  readonly #superseded = new AbortController();

  constructor(fingerprints: Fingerprints, failures: Failures) {
    this.fingerprints = fingerprints;
    this.#failures = failures;
  }

  get superseded(): AbortSignal {
    return this.#superseded.signal;
  }

  async beforeRun(name: string, key: Key): Promise<Result<AbortSignal>> {
    while (this.#paused) await this.#paused.promise;
    if (this.superseded.aborted) return fail('interrupted', `${name} must be planned again`);
    const failure = this.#failures.get(key);
    if (failure) return { ok: false, failure };
    const run = { key, controller: new AbortController() };
    this.#runs.set(name, run);
    return ok(run.controller.signal);
  }

  /** Must be called for each finished layer: remembers failures. */
  ended({ layer, failure }: LayerFinished): void {
    const run = this.#runs.get(layer);
    this.#runs.delete(layer);
    if (run && failure && failure.kind !== 'interrupted') this.#failures.add(run.key, failure);
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers();
  }

  resume(): void {
    const paused = this.#paused;
    this.#paused = undefined;
    paused?.resolve();
  }

  /**
   * Starts no further run, and stops running ones whose inputs the project no longer has under any name.
   * @param now undefined where the project cannot be read: then nothing is stopped
   */
  supersede(now: Fingerprints | undefined): void {
    this.#superseded.abort();
    const current = now && new Set(now.values());
    for (const [name, { controller }] of this.#runs) {
      if (current && !current.has(this.fingerprints.get(name) ?? '')) controller.abort();
    }
    this.resume();
  }
}
