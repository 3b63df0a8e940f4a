// The answers of a root shell in what it prints.

import type { OnOutput } from '../../model/ports/machine.ts';

const NEWLINE = 0x0a;

/** The most that is passed on at once, in bytes: each byte may be a line, and each line is an event. */
const LONGEST_PIECE = 4 * 1024;

/** One of the shell's output streams, cut into answers at the lines that carry the mark. */
export class MarkedStream {
  readonly #mark: Buffer;
  readonly #stream: NodeJS.ReadableStream;
  #held: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};

  constructor(stream: NodeJS.ReadableStream, mark: string, most: number, tooLong: () => void) {
    this.#mark = Buffer.from(mark);
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => {
      if (this.#held.length + chunk.length > most) {
        this.#ended = true;
        this.#held = Buffer.alloc(0);
        tooLong();
      } else if (!this.#ended)
        this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    stream.on('end', end);
    stream.on('error', end);
    stream.on('close', end);
  }

  get rest(): string {
    return this.#held.toString();
  }

  /**
   * Everything up to the next mark, and what follows the mark on its line; undefined when the stream ended first.
   * With `onOutput` the text is passed on instead of kept, so memory stays flat.
   */
  async untilMark(onOutput?: OnOutput): Promise<{ text: string; tail: string } | undefined> {
    for (;;) {
      const at = this.#held.indexOf(this.#mark);
      const lineEnd = at < 0 ? -1 : this.#held.indexOf('\n', at + this.#mark.length);
      if (lineEnd >= 0) {
        // The newline before the mark belongs to the mark.
        const end = this.#held[at - 1] === NEWLINE ? at - 1 : at;
        const text = this.#held.subarray(0, end);
        const tail = this.#held.toString('latin1', at + this.#mark.length, lineEnd).trim();
        this.#held = this.#held.subarray(lineEnd + 1);
        if (!onOutput) return { text: text.toString(), tail };
        if (text.length > 0) await onOutput(text);
        return { text: '', tail };
      }
      if (onOutput) await this.#passOn(onOutput);
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Passes on what cannot be the beginning of a mark. A single newline counts as the script's, or every line would lag. */
  async #passOn(onOutput: OnOutput): Promise<void> {
    const safe = this.#held.length - this.#possibleMark();
    if (safe === 0) return;
    const text = this.#held.subarray(0, safe);
    this.#held = this.#held.subarray(safe);
    for (let at = 0; at < safe; at += LONGEST_PIECE) {
      const taken = onOutput(text.subarray(at, at + LONGEST_PIECE));
      if (!taken) continue;
      this.#stream.pause();
      await taken;
      this.#stream.resume();
    }
  }

  /** How many of the last bytes may begin a mark, with its newline or just behind it. */
  #possibleMark(): number {
    const { length } = this.#held;
    const newline = this.#held.lastIndexOf(NEWLINE);
    const start = newline < 0 ? 0 : newline + 1;
    const tail = this.#held.subarray(start);
    if (tail.length === 0 || !this.#mark.subarray(0, tail.length).equals(tail)) return 0;
    return length - Math.max(0, newline);
  }
}
