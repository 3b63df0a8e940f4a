// Searches a console's output, as it arrives, for the expected text and for symptoms of a failed boot.

import { SYMPTOMS, type Symptom } from './symptoms.ts';

/**
 * The prompt of getty, agetty and busybox: a line that begins with the host's name and `login:`. More may follow on the
 * line, since the kernel and cloud-init write over the prompt, and `agetty --autologin` adds the user's name.
 * `Last login: …` is printed after a login and does not count.
 */
export const LOGIN_PROMPT = /^(?:(?!Last )\S+ )?login:(?: |$)/m;

export interface Sighting {
  readonly symptom: Symptom;
  /** The line that shows it, as far as it had arrived. */
  readonly line: string;
}

export interface ConsoleWatchEvents {
  /** At most once, and not after a symptom. */
  expected(matched: string): void;
  /** At most once. */
  symptom(found: Sighting): void;
}

/** How much text is kept for the next search, so that a match may span two of them, characters. */
const OVERLAP = 4096;
/** A search waits this long for more text, since a guest may write single characters, ms. */
const LOOK_EVERY_MS = 20;
/** A search does not wait when this much text is pending, which bounds the memory, characters. */
const LOOK_AT_CHARACTERS = 256 * 1024;

export class ConsoleWatch {
  readonly #expect: RegExp;
  readonly #events: ConsoleWatchEvents;
  #window = '';
  #timer: NodeJS.Timeout | undefined;
  #matched: string | undefined;
  #sighting: Sighting | undefined;

  /** @param expect must not be sticky or global */
  constructor(expect: RegExp, events: ConsoleWatchEvents) {
    this.#expect = expect;
    this.#events = events;
  }

  /** The expected text, once it has appeared. */
  get matched(): string | undefined {
    return this.#matched;
  }

  /** The first symptom, once there has been one. */
  get sighting(): Sighting | undefined {
    return this.#sighting;
  }

  add(text: string): void {
    this.#window += text;
    if (this.#window.length > LOOK_AT_CHARACTERS) this.look();
    else this.#timer ??= setTimeout(() => this.look(), LOOK_EVERY_MS);
  }

  /** Searches all text so far now, and cancels the pending search. */
  look(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const expecting = this.#matched === undefined && this.#sighting === undefined;
    const expected = expecting ? this.#expect.exec(this.#window) : null;
    const found = this.#sighting === undefined ? firstSymptom(this.#window) : undefined;
    // When the expected text is that of a symptom, it counts as expected.
    const symptomFirst = found && expected && found.endOfLine < expected.index;
    if (expected && !symptomFirst) {
      this.#matched = expected[0].trim();
      this.#events.expected(this.#matched);
    }
    if (found) {
      this.#sighting = found.sighting;
      this.#events.symptom(found.sighting);
    }
    this.#window = endOf(this.#window);
  }
}

interface FirstSymptom {
  readonly endOfLine: number;
  readonly sighting: Sighting;
}

function firstSymptom(text: string): FirstSymptom | undefined {
  let first: { index: number; symptom: Symptom } | undefined;
  for (const symptom of SYMPTOMS) {
    const index = text.search(symptom.pattern);
    if (index >= 0 && (!first || index < first.index)) first = { index, symptom };
  }
  if (!first) return undefined;
  const { index, symptom } = first;
  const newline = text.indexOf('\n', index);
  const endOfLine = newline < 0 ? text.length : newline;
  const line = text.slice(text.lastIndexOf('\n', index) + 1, endOfLine).trim();
  return { endOfLine, sighting: { symptom, line } };
}

/** The end of a text, from the start of a line; a longer line is cut, and marked so that `^` does not match there. */
function endOf(text: string): string {
  if (text.length <= OVERLAP) return text;
  const newline = text.indexOf('\n', text.length - OVERLAP - 1);
  return newline < 0 ? `…${text.slice(-OVERLAP)}` : text.slice(newline + 1);
}
