// vlb's own streams: whether a user is at them, and notes on stderr beside a command's result.

import { isatty } from 'node:tty';
import type { Emit } from '../../model/event.ts';
import { plainText } from '../../report/terminal/width.ts';

/** Whether an interactive shell can run. (`process.stdin.isTTY` would start to read the input of the shell.) */
export function hasTerminal(): boolean {
  return isatty(0) && isatty(1);
}

/** Prints notes and no other events: for commands whose stdout is their result. */
export const printNotes: Emit = (event) => {
  if (event.type === 'note') process.stderr.write(`note: ${plainText(event.message)}\n`);
};
