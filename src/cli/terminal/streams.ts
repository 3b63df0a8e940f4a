// vlb's own streams: whether a user is at them, a command's result on stdout, and notes on stderr beside it.

import { isatty } from 'node:tty';
import type { Emit } from '../../model/event.ts';
import { createStyle, type Style, wantsColor } from '../../report/terminal/style.ts';
import { plainText } from '../../report/terminal/width.ts';
import { EXIT } from '../exit-status.ts';

/** Whether an interactive shell can run. (`process.stdin.isTTY` would start to read the input of the shell.) */
export function hasTerminal(): boolean {
  return isatty(0) && isatty(1);
}

/** Prints notes and no other events: for commands whose stdout is their result. */
export const printNotes: Emit = (event) => {
  if (event.type === 'note') process.stderr.write(`note: ${plainText(event.message)}\n`);
};

/** Prints a command's result as text, or as JSON for programs. Returns the exit status. */
export function printResult(
  { json, color }: { readonly json?: boolean | undefined; readonly color: boolean | undefined },
  value: unknown,
  text: (style: Style) => string,
): number {
  const { stdout } = process;
  const shown = json ? JSON.stringify(value, undefined, 2) : text(createStyle(wantsColor(color, stdout)));
  stdout.write(`${shown}\n`);
  return EXIT.ok;
}
