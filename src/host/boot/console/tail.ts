// The end of a console's output, in bounded memory however much is written.

/** Enough for a kernel's trace, and little compared to a guest's memory. */
const KEPT_CHARACTERS = 64 * 1024;

export class ConsoleTail {
  #text = '';

  add(text: string): void {
    this.#text += text;
    // Not for each chunk: a guest may write single characters, and each cut copies the whole text.
    if (this.#text.length > 2 * KEPT_CHARACTERS) this.#text = this.#text.slice(-KEPT_CHARACTERS);
  }

  /** The last lines, oldest first, without empty lines and immediate repetitions. */
  lines(count: number): string[] {
    const lines = this.#text.split('\n').map((line) => line.trimEnd());
    const distinct = lines.filter((line, index) => line !== '' && line !== lines[index - 1]);
    return distinct.slice(-count);
  }
}
