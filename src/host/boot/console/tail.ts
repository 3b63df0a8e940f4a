// The end of a console's output, kept in bounded memory however much is written.

/** What is kept: enough for a kernel's trace, and nothing beside a guest's memory. */
const KEPT_CHARACTERS = 64 * 1024;

export class ConsoleTail {
  #text = '';

  add(text: string): void {
    this.#text += text;
    // Cut now and then only: a cut for each character that arrives would copy the whole each time.
    if (this.#text.length > 2 * KEPT_CHARACTERS) this.#text = this.#text.slice(-KEPT_CHARACTERS);
  }

  /** The last lines, oldest first: without empty ones, and a line that is repeated told once. */
  lines(count: number): string[] {
    const lines = this.#text.split('\n').map((line) => line.trimEnd());
    const told = lines.filter((line, index) => line !== '' && line !== lines[index - 1]);
    return told.slice(-count);
  }
}
