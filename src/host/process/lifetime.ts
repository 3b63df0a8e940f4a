// Ties a command's life to vlb's: the kernel ends it when vlb is killed and cannot clean up.

import { isInstalled } from './run.ts';

/**
 * Returns the command to start instead, which then executes the given one. Without util-linux's setpriv it is the given
 * one, which then outlives a vlb that is killed with SIGKILL.
 * @param signal the signal for the command: KILL, or TERM for one that has to restore a terminal
 */
export function dyingWithParent(
  signal: 'KILL' | 'TERM',
  command: string,
  args: readonly string[],
): readonly [command: string, args: readonly string[]] {
  if (!isInstalled('setpriv')) return [command, args];
  return ['setpriv', ['--pdeathsig', signal, '--', command, ...args]];
}
