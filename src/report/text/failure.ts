// A failure as text: what happened, where, the last lines of output, what to do.

import type { Failure } from '../../model/failure.ts';
import { shownPath } from '../../util/shown-path.ts';
import type { Style } from '../terminal/style.ts';
import { plainText } from '../terminal/width.ts';

/** The lines of a failure. Paths below `directory` are shown relative to it. */
export function failureText(failure: Failure, style: Style, directory = process.cwd()): string {
  const short = (file: string) => plainText(shownPath(file, directory));
  const lines = [`${style.red('error:')} ${failure.message}`];
  if (failure.where) {
    const { file, line, column } = failure.where;
    const place = [line, column].flatMap((number) => (number === undefined ? [] : `:${number}`));
    lines.push(`  ${style.dim('at')} ${short(file)}${place.join('')}`);
  }
  for (const line of failure.detail ?? []) lines.push(`  ${style.dim('|')} ${plainText(line)}`);
  if (failure.log !== undefined) lines.push(`  ${style.dim('log:')} ${short(failure.log)}`);
  if (failure.look !== undefined) lines.push(`  ${style.dim('look:')} ${failure.look}`);
  if (failure.hint !== undefined) lines.push(`  ${style.dim('help:')} ${failure.hint}`);
  return lines.join('\n');
}
