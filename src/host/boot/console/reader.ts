// Follows a guest's console: passes its text on, keeps its end, and reports the expected text and symptoms of failure.

import type { Readable } from 'node:stream';
import { ConsoleTail } from './tail.ts';
import { createConsoleCleaner } from './text.ts';
import { ConsoleWatch, type Sighting } from './watch.ts';

/** How many lines are shown with a failure. */
const SHOWN_LINES = 30;

export interface ConsoleReader {
  /** Settles with the expected text when it appears. */
  readonly expected: Promise<string>;
  /** Settles with the first symptom of a failed boot. */
  readonly symptom: Promise<Sighting>;
  /** The expected text, if it has appeared. */
  matched(): string | undefined;
  /** The symptom, if there has been one. */
  sighting(): Sighting | undefined;
  /** Examines the text so far now, instead of a moment later. */
  look(): void;
  /** The last lines. */
  lines(): string[];
}

/** Reads a console to its end. */
export function readConsole(stream: Readable, expect: RegExp, onText: (text: string) => void): ConsoleReader {
  const expected = Promise.withResolvers<string>();
  const symptom = Promise.withResolvers<Sighting>();
  const clean = createConsoleCleaner();
  const tail = new ConsoleTail();
  const watch = new ConsoleWatch(expect, { expected: expected.resolve, symptom: symptom.resolve });
  stream.on('data', (bytes: Buffer) => {
    const text = clean(bytes);
    if (text === '') return;
    tail.add(text);
    watch.add(text);
    onText(text);
  });
  return {
    expected: expected.promise,
    symptom: symptom.promise,
    matched: () => watch.matched,
    sighting: () => watch.sighting,
    look: () => watch.look(),
    lines: () => tail.lines(SHOWN_LINES),
  };
}
