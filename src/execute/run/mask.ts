// Replaces the values of secrets in a script's output by ***, before anything logs or shows it.

import type { Secret } from '../../model/project.ts';

const MASK = Buffer.from('***');
/** Shorter values, and lines of values, are not masked: they occur in any output by chance. */
const SHORTEST_BYTES = 4;

/** Part of the pending bytes, from an index to before another one. */
type Span = readonly [from: number, to: number];

/**
 * Masks a stream, cut into chunks anywhere. Each line of each secret counts on its own, without white space around it, so
 * that a certificate is recognized line by line, whatever ends its lines. Bytes that may be the beginning of one of these lines are
 * held back until the next chunk; they are at most as many as the longest line has.
 */
export class SecretMask {
  readonly #values: readonly Buffer[];
  #pending: Buffer = Buffer.alloc(0);
  /** How many of the pending bytes belong to a value whose mask was returned already. */
  #masked = 0;

  constructor(secrets: readonly Secret[]) {
    const lines = secrets.flatMap(({ content }) => content.toString('latin1').split('\n'));
    const values = new Set(lines.map((line) => line.trim()).filter((line) => line.length >= SHORTEST_BYTES));
    this.#values = [...values].map((value) => Buffer.from(value, 'latin1'));
  }

  /** Takes the next chunk and returns what can be shown. */
  write(chunk: Buffer): Buffer {
    if (this.#values.length === 0) return chunk;
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    return this.#take(this.#pending.length - this.#possibleStart());
  }

  /** Returns what was held back, at the end of the stream. */
  end(): Buffer {
    return this.#take(this.#pending.length);
  }

  /** Takes bytes off the pending ones and returns them masked. */
  #take(count: number): Buffer {
    const parts: Buffer[] = [];
    let at = 0;
    for (const [from, to] of this.#spans()) {
      if (from >= count) break;
      if (from > at) parts.push(this.#pending.subarray(at, from));
      if (from > 0 || this.#masked === 0) parts.push(MASK);
      at = to;
    }
    if (at < count) parts.push(this.#pending.subarray(at, count));
    this.#masked = Math.max(0, at - count);
    this.#pending = Buffer.from(this.#pending.subarray(count));
    return Buffer.concat(parts);
  }

  /** Where the values are, in order; those that overlap as one. */
  #spans(): readonly Span[] {
    const found: Span[] = this.#masked > 0 ? [[0, this.#masked]] : [];
    for (const value of this.#values) {
      for (let at = this.#pending.indexOf(value); at >= 0; at = this.#pending.indexOf(value, at + 1)) {
        found.push([at, at + value.length]);
      }
    }
    const spans: Span[] = [];
    for (const [from, to] of found.sort(([one], [other]) => one - other)) {
      const last = spans.at(-1);
      if (last && from < last[1]) spans[spans.length - 1] = [last[0], Math.max(last[1], to)];
      else spans.push([from, to]);
    }
    return spans;
  }

  /** How many of the last bytes may be the beginning of a value. */
  #possibleStart(): number {
    let longest = 0;
    for (const value of this.#values) {
      const first = value[0] ?? 0;
      const from = Math.max(0, this.#pending.length - value.length + 1);
      for (let at = this.#pending.indexOf(first, from); at >= 0; at = this.#pending.indexOf(first, at + 1)) {
        const length = this.#pending.length - at;
        if (length <= longest) break;
        if (this.#pending.subarray(at).equals(value.subarray(0, length))) longest = length;
      }
    }
    return longest;
  }
}
