// vlb's own streams: whether a user is at them, and notes on stderr beside a command's result.

import { isatty } from 'node:tty';
import type { Emit } from '../../model/event.ts';
import { plainText } from '../../report/terminal/width.ts';

/** Whether a user can be given a shell. (`process.stdin.isTTY` would begin to read what is the shell's.) */
export function hasTerminal(): boolean {
  return isatty(0) && isatty(1);
}

/** Prints notes and no other events: for commands whose stdout is their result. */
export const printNotes: Emit = (event) => {
  if (event.type === 'note') process.stderr.write(`note: ${plainText(event.message)}\n`);
};
