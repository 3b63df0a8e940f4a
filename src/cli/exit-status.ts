// The exit statuses of vlb.

import type { Failure } from '../model/failure.ts';

export const EXIT = {
  ok: 0,
  work: 1,
  usage: 2,
  host: 3,
  hangup: 129,
  interrupted: 130,
  readerGone: 141,
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

/** A signal that ends a run; SIGPIPE, which node does not pass on, stands for a reader of the output that exited. */
export type EndSignal = 'SIGHUP' | 'SIGINT' | 'SIGTERM' | 'SIGPIPE';

/** What ends a run from outside: a signal, or output that cannot be written, as on a full disk. */
export type End = EndSignal | 'unwritable';

const STATUS_OF: Readonly<Record<End, number>> = {
  SIGHUP: EXIT.hangup,
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGPIPE: EXIT.readerGone,
  unwritable: EXIT.host,
};

/** The exit status for a failure; `end` is what interrupted the run, if anything did. */
export function exitStatusOf(failure: Failure, end: End | undefined): number {
  return failure.kind === 'interrupted' ? STATUS_OF[end ?? 'SIGINT'] : EXIT[failure.kind];
}
