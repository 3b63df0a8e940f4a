// Looks for the expected text, and for symptoms of a failed boot, in a console's output while it comes.

import { SYMPTOMS, type Symptom } from './symptoms.ts';

/**
 * The prompt that getty, agetty and busybox write: a line that begins with the host's name and `login:`. More may follow
 * on the line, since the kernel and cloud-init write over the prompt, and `agetty --autologin` writes the user's name.
 * `Last login: …` comes after a login and is none.
 */
export const LOGIN_PROMPT = /^(?:(?!Last )\S+ )?login:(?: |$)/m;

export interface Sighting {
  readonly symptom: Symptom;
  /** The line that shows it, as far as it had come. */
  readonly line: string;
}

export interface ConsoleWatchEvents {
  /** At most once, and not after a symptom. */
  expected(matched: string): void;
  /** At most once. */
  symptom(found: Sighting): void;
}

/** What of the text stays for the next look, so that a match may span two of them. */
const OVERLAP = 4096;
/** Looking is put off this long for more to come: a guest may write single characters. */
const LOOK_EVERY_MS = 20;
/** But not when this much is waiting, which bounds the memory. */
const LOOK_AT_CHARACTERS = 256 * 1024;

export class ConsoleWatch {
  readonly #expect: RegExp;
  readonly #events: ConsoleWatchEvents;
  #window = '';
  #timer: NodeJS.Timeout | undefined;
  #matched: string | undefined;
  #sighting: Sighting | undefined;

  /** @param expect matched with `^` and `$` as its own flags say; must not be sticky or global */
  constructor(expect: RegExp, events: ConsoleWatchEvents) {
    this.#expect = expect;
    this.#events = events;
  }

  /** The expected text, once it was there. */
  get matched(): string | undefined {
    return this.#matched;
  }

  /** The first symptom, once there was one. */
  get sighting(): Sighting | undefined {
    return this.#sighting;
  }

  add(text: string): void {
    this.#window += text;
    if (this.#window.length > LOOK_AT_CHARACTERS) this.look();
    else this.#timer ??= setTimeout(() => this.look(), LOOK_EVERY_MS);
  }

  /** Looks at everything that came so far, now; puts no further look off. */
  look(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const expecting = this.#matched === undefined && this.#sighting === undefined;
    const expected = expecting ? this.#expect.exec(this.#window) : null;
    const found = this.#sighting === undefined ? firstSymptom(this.#window) : undefined;
    // Who expects the text of a symptom knows what they do.
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

interface Found {
  readonly endOfLine: number;
  readonly sighting: Sighting;
}

function firstSymptom(text: string): Found | undefined {
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

/** The end of a text from the beginning of a line on; a line that is longer is cut, and marked so that `^` does not match there. */
function endOf(text: string): string {
  if (text.length <= OVERLAP) return text;
  const newline = text.indexOf('\n', text.length - OVERLAP - 1);
  return newline < 0 ? `…${text.slice(-OVERLAP)}` : text.slice(newline + 1);
}
