// Cuts a script's output into lines for people, while the log keeps every byte.

import { StringDecoder } from 'node:string_decoder';

/** A line longer than this is handed on in pieces, so that output without line ends cannot fill the memory. */
const LONGEST = 16 * 1024;

export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #held = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  write(chunk: Buffer): void {
    const parts = (this.#held + this.#decoder.write(chunk)).split('\n');
    this.#held = parts.pop() ?? '';
    for (const part of parts) this.#line(part);
    while (this.#held.length > LONGEST) {
      this.#line(this.#held.slice(0, LONGEST));
      this.#held = this.#held.slice(LONGEST);
    }
  }

  /** Hands on what came without a line's end. */
  end(): void {
    this.#held += this.#decoder.end();
    if (this.#held !== '') this.#line(this.#held);
    this.#held = '';
  }

  /** Progress bars return to the line's start: what a terminal would show in the end is what counts. */
  #line(text: string): void {
    const trimmed = text.endsWith('\r') ? text.slice(0, -1) : text;
    this.#onLine(trimmed.slice(trimmed.lastIndexOf('\r') + 1));
  }
}
