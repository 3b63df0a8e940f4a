// Turns the output of a serial console into plain text, chunk by chunk: no escape sequences, no carriage returns.

/** Takes the next bytes, cut anywhere; returns the text that they complete. */
export type ConsoleCleaner = (bytes: Uint8Array) => string;

/**
 * The position in ECMA-48's syntax:
 *
 *     text ─ESC─▶ escape ─[─▶ sequence ─(@ to ~)─▶ text
 *                   ├─] P X ^ _─▶ string ─(BEL, or ESC and \)─▶ text
 *                   └─(0 to ~)─▶ text
 *
 * A character that is not allowed in one of these ends it and is text. That matters: systemd shortens its lines without
 * regard to the sequences in them, and a truncated sequence must not swallow the text after it.
 */
type State = 'text' | 'escape' | 'sequence' | 'string';

const BELL = '\x07';
const ESCAPE = '\x1b';
/** Also those of C1, U+0080 to U+009F: xterm takes U+009B for the beginning of a sequence. */
const CONTROL = /^\p{Cc}/u;
/** Letters after ESC that begin a string: OSC, DCS, SOS, PM, APC. */
const STRING_STARTS = ']PX^_';
/** Ends of sequences that move the cursor to another line or clear the screen: the text after them is a new line. */
const LINE_BREAKING = 'ABEFHJdf';
/** A string that gets longer than this was not one: its text continues as text. */
const LONGEST_STRING = 512;

/**
 * A cleaner for one console. Bytes that are not UTF-8 become U+FFFD. Every carriage return ends a line, since progress
 * bars use it and each of their states was readable once; together with a line feed it ends one line.
 */
export function createConsoleCleaner(): ConsoleCleaner {
  const decoder = new TextDecoder();
  let state: State = 'text';
  let stringLength = 0;
  let lastWasReturn = false;
  let atLineStart = true;

  /** Each of these takes one character and returns the text that it adds. */
  const take: Readonly<Record<State, (character: string) => string>> = {
    text(character) {
      const afterReturn = lastWasReturn;
      lastWasReturn = character === '\r';
      if (character === ESCAPE) return become('escape');
      if (character === '\n' || character === '\r') return afterReturn ? '' : '\n';
      return character === '\t' || !CONTROL.test(character) ? character : '';
    },
    escape(character) {
      if (character === '[') return become('sequence');
      if (STRING_STARTS.includes(character)) return become('string');
      if (character >= ' ' && character < '0') return '';
      if (character < ' ' || character > '~') return backToText(character);
      become('text');
      return character === 'c' ? newLine() : ''; // ESC c resets the terminal
    },
    sequence(character) {
      if (character >= ' ' && character < '@') return '';
      if (character < ' ' || character > '~') return backToText(character);
      become('text');
      return LINE_BREAKING.includes(character) ? newLine() : '';
    },
    string(character) {
      stringLength += 1;
      if (character === BELL) return become('text');
      if (character === ESCAPE) return become('escape');
      const tooLong = stringLength > LONGEST_STRING;
      return tooLong || character === '\n' || character === '\r' ? backToText(character) : '';
    },
  };

  function become(next: State): '' {
    state = next;
    stringLength = 0;
    if (next !== 'text') lastWasReturn = false;
    return '';
  }

  /** Firmware and boot loaders position each word on the screen, which must not make empty lines. */
  function newLine(): string {
    return atLineStart ? '' : '\n';
  }

  function backToText(character: string): string {
    become('text');
    return take.text(character);
  }

  return (bytes) => {
    let text = '';
    for (const character of decoder.decode(bytes, { stream: true })) {
      const piece = take[state](character);
      if (piece !== '') atLineStart = piece === '\n';
      text += piece;
    }
    return text;
  };
}
