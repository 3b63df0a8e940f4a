// Ties a command's life to vlb's: it is ended by the kernel when vlb is killed and can clean nothing up.

import { isInstalled } from './run.ts';

/**
 * The command to start instead, which becomes the given one. Without util-linux's setpriv it is the given one, and then
 * outlives a vlb that is killed with SIGKILL.
 * @param signal what the command gets: KILL, or TERM for one that has a terminal to put in order
 */
export function dyingWithParent(
  signal: 'KILL' | 'TERM',
  command: string,
  args: readonly string[],
): readonly [command: string, args: readonly string[]] {
  if (!isInstalled('setpriv')) return [command, args];
  return ['setpriv', ['--pdeathsig', signal, '--', command, ...args]];
}
