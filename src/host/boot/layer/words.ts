// What a guest says about its script: lines of a few known words. The guest may be hostile, so anything else is ignored.

import type { Readable } from 'node:stream';

export type Word =
  /** It has what it was sent, and waits for its own start. */
  | { readonly type: 'taken' }
  | { readonly type: 'started' }
  /** It powers off now. */
  | { readonly type: 'exit'; readonly status: number };

const LONGEST = 100;

/** Calls `onWord` for each word in a stream. */
export function readWords(stream: Readable, onWord: (word: Word) => void): void {
  let held = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (held + chunk.toString('latin1')).split('\n');
    held = (lines.pop() ?? '').slice(-LONGEST);
    for (const line of lines) {
      const word = wordOf(line);
      if (word) onWord(word);
    }
  });
}

/** The word of a line, if it is one. */
export function wordOf(line: string): Word | undefined {
  if (line === 'taken' || line === 'started') return { type: line };
  const [, digits] = /^exit (\d{1,3})$/.exec(line) ?? [];
  return digits === undefined || Number(digits) > 255 ? undefined : { type: 'exit', status: Number(digits) };
}
