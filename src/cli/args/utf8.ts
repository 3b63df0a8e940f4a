// What node does not show of a command line: it puts one character in the place of all bytes that are not UTF-8, so that two
// different words look the same.

import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { fail, ok, type Result } from '../../model/failure.ts';
import { attempt } from '../../util/errors.ts';

const REPLACEMENT = '\ufffd';

/** Fails as `usage` for a word of this process's command line that is not UTF-8. */
export function checkUtf8(argv: readonly string[]): Result<void> {
  if (!argv.some((word) => word.includes(REPLACEMENT))) return ok();
  const bytes = attempt(() => readFileSync('/proc/self/cmdline')) ?? Buffer.alloc(0);
  // Each word ends with a NUL.
  const words = bytes.toString('latin1').split('\0').slice(0, -1).slice(-argv.length);
  const at = words.findIndex((word) => !isUtf8(Buffer.from(word, 'latin1')));
  const odd = argv[at];
  if (odd === undefined) return ok();
  return fail('usage', `"${odd}" is not UTF-8`, { hint: 'rename the file, or convert the text with iconv' });
}
