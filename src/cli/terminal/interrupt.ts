// Signals that end a command (SIGINT, SIGTERM, SIGHUP): the first one aborts, so that everything stops and cleans up.

import type { Failure } from '../../model/failure.ts';
import { type EndSignal, exitStatusOf } from '../exit-status.ts';

export interface Interrupt {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal;
  /** The first signal, if any came. */
  received(): EndSignal | undefined;
  /**
   * Handles SIGINT, SIGTERM and SIGHUP for the rest of the process. Until then a signal kills the process at once, which is
   * right while there is nothing to clean up.
   */
  listen(): void;
}

/** The result of a command that failed. When the user interrupted it, that is the exit status, and nothing is printed. */
export function endOf(failure: Failure, interrupt: Interrupt): number | Failure {
  return failure.kind === 'interrupted' ? exitStatusOf(failure, interrupt.received()) : failure;
}

/** An interrupt that does not listen yet. */
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
