// What ends a command from outside: SIGINT, SIGTERM, SIGHUP, or lost output. The first one aborts, so that everything stops and cleans up.

import { signalScripts } from '../../compose.ts';
import { ignoresSignal } from '../../model/environment.ts';
import { type Failure, fail, type Result } from '../../model/failure.ts';
import { type End, EXIT, exitStatusOf } from '../exit-status.ts';

export interface Interrupt {
  /** Aborts at the first end. */
  readonly signal: AbortSignal;
  /** The first end, if any came. */
  received(): End | undefined;
  /**
   * Handles SIGINT, SIGTERM and SIGHUP for the rest of the process, unless they were ignored when it was started. Until then a signal
   * kills the process at once, which is right while there is nothing to clean up.
   */
  listen(): void;
}

/** Of the interrupts that listen. */
const listening: ((end: End) => void)[] = [];

/** Ends the commands that clean up before they exit; returns whether there are any. */
export function endAll(end: End): boolean {
  for (const take of listening) take(end);
  return listening.length > 0;
}

/**
 * ^Z: scripts run in sessions of their own, where a terminal does not reach them, so they are stopped with vlb, and continue with it. The
 * kernel decides whether vlb stops: it does not where no shell could continue it.
 */
async function suspend(): Promise<void> {
  await signalScripts('STOP');
  process.off('SIGTSTP', suspend);
  process.kill(process.pid, 'SIGTSTP');
  process.on('SIGTSTP', suspend);
  await signalScripts('CONT');
}

/** The result of a command that failed. When it was ended from outside, that is the exit status, and nothing is printed. */
export function endOf(failure: Failure, interrupt: Interrupt): number | Failure {
  return failure.kind === 'interrupted' ? exitStatusOf(failure, interrupt.received()) : failure;
}

/**
 * Does the work of a command that listens from its beginning. Returns the exit status, or the failure to report: what is ended
 * from outside fails in its own way, of which nothing is printed.
 */
export async function interruptible(
  work: (signal: AbortSignal) => Promise<Result<void>>,
): Promise<number | Failure> {
  const interrupt = createInterrupt();
  interrupt.listen();
  const { signal } = interrupt;
  const done = await work(signal);
  if (done.ok) return EXIT.ok;
  const { failure } = signal.aborted ? fail('interrupted', 'interrupted') : done;
  return endOf(failure, interrupt);
}

/** An interrupt that does not listen yet. */
export function createInterrupt(): Interrupt {
  const controller = new AbortController();
  let received: End | undefined;
  const take = (end: End) => {
    received ??= end;
    controller.abort();
  };
  return {
    signal: controller.signal,
    received: () => received,
    listen() {
      listening.push(take);
      if (listening.length === 1 && !ignoresSignal('SIGTSTP', process.env)) process.on('SIGTSTP', suspend);
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
        if (!ignoresSignal(name, process.env)) process.on(name, () => take(name));
      }
    },
  };
}
