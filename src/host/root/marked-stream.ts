// The answers of a root shell in what it prints.

import type { OnOutput } from '../../model/ports/machine.ts';

const NEWLINE = 0x0a;

/** The most that is passed on at once, in bytes: each byte may be a line, and each line is an event. */
const LONGEST_PIECE = 4 * 1024;

/** The most that follows a mark on its line, in bytes: a status. */
const LONGEST_TAIL = 64;

/** One of the shell's output streams, cut into answers at the lines that carry the mark. */
export class MarkedStream {
  readonly #mark: Buffer;
  readonly #stream: NodeJS.ReadableStream;
  /** What was read and not taken is in it from #start to #end; what was there before may still be in use elsewhere. */
  #room: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  /** How much of that has no mark. */
  #searched = 0;
  #ended = false;
  #wake: () => void = () => {};
  readonly #tooLong: () => void;

  constructor(stream: NodeJS.ReadableStream, mark: string, most: number, tooLong: () => void) {
    this.#mark = Buffer.from(mark);
    this.#stream = stream;
    this.#tooLong = tooLong;
    stream.on('data', (chunk: Buffer) => {
      if (this.#held.length + chunk.length > most) this.#refuse();
      else if (!this.#ended) this.#append(chunk);
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

  get #held(): Buffer {
    return this.#room.subarray(this.#start, this.#end);
  }

  #append(chunk: Buffer): void {
    if (this.#end + chunk.length > this.#room.length) {
      const held = this.#held;
      // A long answer is copied a few times, and not for each of its pieces.
      this.#room = held.length === 0 ? chunk : Buffer.allocUnsafe(2 * (held.length + chunk.length));
      held.copy(this.#room);
      this.#start = 0;
      this.#end = held.length;
    }
    if (this.#room !== chunk) chunk.copy(this.#room, this.#end);
    this.#end += chunk.length;
  }

  #take(bytes: number): void {
    this.#start += bytes;
    this.#searched = 0;
  }

  #refuse(): void {
    this.#ended = true;
    this.#room = Buffer.alloc(0);
    this.#start = 0;
    this.#end = 0;
    this.#searched = 0;
    this.#tooLong();
  }

  /**
   * Everything up to the next mark, and what follows the mark on its line; undefined when the stream ended first.
   * With `onOutput` the text is passed on instead of kept, so memory stays flat.
   */
  async untilMark(onOutput?: OnOutput): Promise<{ text: string; tail: string } | undefined> {
    for (;;) {
      const held = this.#held;
      const at = held.indexOf(this.#mark, this.#searched);
      this.#searched = at < 0 ? Math.max(0, held.length - this.#mark.length) : at;
      const lineEnd = at < 0 ? -1 : held.indexOf('\n', at + this.#mark.length);
      if (at >= 0 && lineEnd < 0 && held.length - at > this.#mark.length + LONGEST_TAIL) this.#refuse();
      if (lineEnd >= 0) {
        // The newline before the mark belongs to the mark.
        const end = held[at - 1] === NEWLINE ? at - 1 : at;
        const text = held.subarray(0, end);
        const tail = held.toString('latin1', at + this.#mark.length, lineEnd).trim();
        this.#take(lineEnd + 1);
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
    this.#take(safe);
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
    const held = this.#held;
    const { length } = held;
    const newline = held.lastIndexOf(NEWLINE);
    const start = newline < 0 ? 0 : newline + 1;
    const tail = held.subarray(start);
    if (tail.length === 0 || !this.#mark.subarray(0, tail.length).equals(tail)) return 0;
    return length - Math.max(0, newline);
  }
}
