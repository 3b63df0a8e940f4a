// Reports that vlb waits for a bucket that does not answer.

/** After which silence vlb reports that it waits, ms. */
const SILENT_AFTER = 3_000;

export class Silence {
  readonly #onNote: (message: string) => void;
  /** The number of answers. */
  #answers = 0;

  constructor(onNote: (message: string) => void) {
    this.#onNote = onNote;
  }

  /** Asks, and reports when no question has been answered for a while. */
  async noted<T>(place: string, ask: () => Promise<T>): Promise<T> {
    let answers = this.#answers;
    const clock = setInterval(() => {
      if (answers === this.#answers) {
        this.#onNote(`waiting for the shared cache ${place}, which does not answer`);
      }
      answers = this.#answers;
    }, SILENT_AFTER);
    try {
      return await ask();
    } finally {
      this.#answers++;
      clearInterval(clock);
    }
  }
}
