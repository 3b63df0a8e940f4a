// What two copies of an image have in common, as text.

import { fail, ok, type Result } from '../../model/failure.ts';
import type { Identity, TwoCopies } from '../../model/ports/booter.ts';
import { tableLines } from '../../util/table.ts';
import type { Style } from '../terminal/style.ts';
import { plainText } from '../terminal/width.ts';

/** How many characters of a value are shown. */
const SHOWN = 52;

/** A line for each property: whether it is the same in both, its place, and its value. */
export function copiesText({ same, notes, different }: TwoCopies, style: Style): string {
  const row = (word: string, { what, file, value = '' }: Partial<Identity>) =>
    [word, what ?? '', plainText(file ?? ''), plainText(value).slice(0, SHOWN)] as const;
  const rows = [
    ...same.map((one) => row(style.red('same'), one)),
    ...notes.map((one) => row(style.yellow('note'), one)),
    ...different.map((one) => row(style.green('differs'), one)),
  ];
  return rows.length === 0 ? 'nothing was found that identifies a machine' : tableLines(rows, []).join('\n');
}

/** Fails as `work` where something is the same that should differ. */
export function sameFailure({ same }: TwoCopies): Result<void> {
  if (same.length === 0) return ok();
  const names = [...new Set(same.map(({ what }) => what))];
  const files = [...new Set(same.map(({ file }) => plainText(file)).filter((file) => file.startsWith('/')))];
  return fail('work', `two copies of the image have the same ${names.join(', ')}`, {
    hint:
      files.length === 0
        ? 'remove what it is made from in the last layer: usually /etc/machine-id'
        : `remove or empty in the last layer what each copy has to make for itself: ${files.join(', ')}`,
  });
}
