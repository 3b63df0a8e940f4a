// ^C, SIGTERM and a terminal that hangs up: the first asks everything to stop and clean up.

import type { Failure } from '../../model/failure.ts';
import { type EndSignal, exitStatusOf } from '../exit-status.ts';

export interface Interrupt {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal;
  /** Which signal it was. */
  received(): EndSignal | undefined;
  /**
   * Takes over SIGINT, SIGTERM and SIGHUP for the rest of the process. Until then a signal ends it on the spot, which is
   * right while there is nothing to clean up.
   */
  listen(): void;
}

/** What a command comes to that failed: the person who interrupted it knows, and is told nothing. */
export function endOf(failure: Failure, interrupt: Interrupt): number | Failure {
  return failure.kind === 'interrupted' ? exitStatusOf(failure, interrupt.received()) : failure;
}

export function createInterrupt(): Interrupt {
  const controller = new AbortController();
  let received: EndSignal | undefined;
  return {
    signal: controller.signal,
    received: () => received,
    listen() {
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
        process.on(name, () => {
          received ??= name;
          controller.abort();
        });
      }
    },
  };
}
