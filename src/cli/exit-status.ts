// What vlb's exit status says.

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

/** What they mean, for the manual. */
export const EXIT_TEXTS: readonly (readonly [string, string])[] = [
  ['0', 'Done.'],
  ['1', 'A layer or a check failed.'],
  ['2', 'The command line or the project is wrong.'],
  ['3', 'This host cannot: a tool, a permission or space is missing.'],
  ['70', 'A defect in vlb itself, which --debug tells more about.'],
  ['129, 130, 143', 'Ended by SIGHUP, by ^C, by SIGTERM.'],
  ['141', 'Whoever read the output went away.'],
];

/** The signal that ended a run, if one did. */
export type EndSignal = 'SIGHUP' | 'SIGINT' | 'SIGTERM';

export function exitStatusOf(failure: Failure, signal: EndSignal | undefined): number {
  if (failure.kind !== 'interrupted') return EXIT[failure.kind];
  if (signal === 'SIGHUP') return EXIT.hangup;
  return signal === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
}
