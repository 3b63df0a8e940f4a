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

/** The signal that ended a run, if one did. */
export type EndSignal = 'SIGHUP' | 'SIGINT' | 'SIGTERM';

export function exitStatusOf(failure: Failure, signal: EndSignal | undefined): number {
  if (failure.kind !== 'interrupted') return EXIT[failure.kind];
  if (signal === 'SIGHUP') return EXIT.hangup;
  return signal === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
}
