// Whether a person is at vlb's streams.

import { isatty } from 'node:tty';

/** Whether a shell can be given to somebody. (`process.stdin.isTTY` would begin to read what is the shell's.) */
export function hasTerminal(): boolean {
  return isatty(0) && isatty(1);
}
