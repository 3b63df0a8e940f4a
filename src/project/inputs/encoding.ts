// Recognizes texts that editors of other systems saved in another encoding than UTF-8, or with a byte order mark.

import { fail, ok, type Result } from '../../model/failure.ts';
import { quoteWord } from '../../util/quote.ts';

/** What a text may begin with; the longer ones first, since one begins like another. */
const MARKS = [
  ['UTF-32', [0xff, 0xfe, 0, 0]],
  ['UTF-32', [0, 0, 0xfe, 0xff]],
  ['UTF-16', [0xff, 0xfe]],
  ['UTF-16', [0xfe, 0xff]],
  ['UTF-8', [0xef, 0xbb, 0xbf]],
] as const;

/**
 * Fails as `usage`, with the encoding and the command that mends it, if a text is in UTF-16 or UTF-32.
 * @param what the subject of the message: `vlb.yaml`
 * @param isScript also fails if it begins with a byte order mark: the kernel wants `#!` there
 */
export function checkEncoding(bytes: Buffer, file: string, what: string, isScript = false): Result<void> {
  const encoding = encodingOf(bytes);
  if (encoding === undefined || (encoding === 'UTF-8' && !isScript)) return ok();
  const [name, where] = [quoteWord(file), { file, line: 1 }];
  if (encoding === 'UTF-8') {
    return fail('usage', `${what} begins with a byte order mark (BOM)`, {
      where,
      hint: `save it as UTF-8 without a BOM: sed -i '1s/^\\xef\\xbb\\xbf//' ${name}`,
    });
  }
  const converted = quoteWord(`${file}.utf-8`);
  return fail('usage', `${what} is in ${encoding}`, {
    where,
    hint: `save it as UTF-8: iconv -f ${encoding} -t UTF-8 -o ${converted} ${name} && cat ${converted} > ${name} && rm ${converted}`,
  });
}

function encodingOf(bytes: Buffer): string | undefined {
  for (const [encoding, mark] of MARKS) if (mark.every((byte, at) => bytes[at] === byte)) return encoding;
  // Without a mark: two ASCII characters.
  const [first, second, third, fourth] = bytes;
  if (first && second === 0 && third && fourth === 0) return 'UTF-16LE';
  if (first === 0 && second && third === 0 && fourth) return 'UTF-16BE';
  return undefined;
}
