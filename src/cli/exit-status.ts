// The exit statuses of vlb.

import type { Failure } from '../model/failure.ts';

export const EXIT = {
  ok: 0,
  work: 1,
  usage: 2,
  host: 3,
  hangup: 129,
  interrupted: 130,
  terminated: 143,
} as const;

/** Their meanings, for the manual page and docs/commands.md. */
export const EXIT_TEXTS: readonly (readonly [string, string])[] = [
  ['0', 'Done.'],
  ['1', 'A layer or a check failed.'],
  ['2', 'The command line or the project is not valid.'],
  ['3', 'This machine lacks a tool, a permission or space.'],
  ['70', 'Internal error; --debug prints a stack trace.'],
  ['129, 130, 143', 'Ended by SIGHUP, ^C or SIGTERM.'],
  ['141', 'The reader of the output exited.'],
];

/** A signal that ends a run. */
export type EndSignal = 'SIGHUP' | 'SIGINT' | 'SIGTERM';

/** The exit status for a failure; `signal` is the one that interrupted the run, if any. */
export function exitStatusOf(failure: Failure, signal: EndSignal | undefined): number {
  if (failure.kind !== 'interrupted') return EXIT[failure.kind];
  if (signal === 'SIGHUP') return EXIT.hangup;
  return signal === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
}
