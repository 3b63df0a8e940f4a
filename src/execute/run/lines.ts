// Splits a script's output into lines for display, while the log has every byte.

import { StringDecoder } from 'node:string_decoder';

/** Longer lines are passed on in pieces, so that output without line ends cannot fill the memory. */
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
    for (const part of parts) this.#line(this.#cut(part));
    this.#held = this.#cut(this.#held);
  }

  /** Passes on what came without a line end. */
  end(): void {
    this.#held += this.#decoder.end();
    if (this.#held !== '') this.#line(this.#held);
    this.#held = '';
  }

  /** Passes on the pieces of a line that is too long, whole characters each, and returns the rest. */
  #cut(text: string): string {
    let rest = text;
    while (rest.length > LONGEST) {
      const piece = rest.slice(0, LONGEST).isWellFormed() ? LONGEST : LONGEST - 1;
      this.#line(rest.slice(0, piece));
      rest = rest.slice(piece);
    }
    return rest;
  }

  /** Progress bars return to the start of the line: what a terminal would finally show is what counts. */
  #line(text: string): void {
    const trimmed = text.replace(/\r+$/, '');
    this.#onLine(trimmed.slice(trimmed.lastIndexOf('\r') + 1));
  }
}
