// Names of files in an image. They are bytes, in any encoding or none, and may hold everything but NUL and the slash.

import { isUtf8 } from 'node:buffer';

/** What stands for the byte 0x80 when it is not part of UTF-8, 0x81 being the next, and so on (Python's "surrogateescape"). */
const ESCAPE = 0xdc00;

/** A name as text, without loss: a byte that is not part of UTF-8 becomes a lone surrogate, as Python has it. */
export function decodeName(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((count) => isUtf8(bytes.subarray(at, at + count)));
    text +=
      length === undefined
        ? String.fromCharCode(ESCAPE + (bytes[at] ?? 0))
        : bytes.toString('utf8', at, at + length);
    at += length ?? 1;
  }
  return text;
}

/** The bytes of a name that `decodeName` made text of. */
export function encodeName(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);
  const parts = [...text].map((character) =>
    character.isWellFormed() ? Buffer.from(character) : Buffer.of(character.charCodeAt(0) - ESCAPE),
  );
  return Buffer.concat(parts);
}
