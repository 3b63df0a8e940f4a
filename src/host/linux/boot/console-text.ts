// Turns what a serial console sends into plain text, chunk by chunk: no escape sequences, no carriage returns.

/** Takes the next bytes, cut anywhere; returns the text that they complete. */
export type ConsoleCleaner = (bytes: Uint8Array) => string;

/**
 * Where the reader is in ECMA-48's syntax:
 *
 *     text ─ESC─▶ escape ─[─▶ sequence ─(@ to ~)─▶ text
 *                   ├─] P X ^ _─▶ string ─(BEL, or ESC and \)─▶ text
 *                   └─(anything from 0 to ~)─▶ text
 */
type State = 'text' | 'escape' | 'sequence' | 'string';

const BELL = '\x07';
const ESCAPE = '\x1b';
/** Letters after ESC that begin a string: OSC, DCS, SOS, PM, APC. */
const STRING_STARTS = ']PX^_';
/** Ends of sequences that move the cursor to another line or clear the screen: what follows stands apart. */
const LINE_BREAKING = 'ABEFHJdf';
/** A sequence longer than this is none: binary rubbish must not swallow the console. */
const LONGEST_SEQUENCE = 512;

/**
 * A cleaner for one console. Bytes that are no UTF-8 become U+FFFD. Every carriage return ends a line, since progress
 * bars are written that way and a line that is overwritten was once there to read; with the line feed it ends one line.
 */
export function createConsoleCleaner(): ConsoleCleaner {
  const decoder = new TextDecoder();
  let state: State = 'text';
  let length = 0;
  let lastWasReturn = false;

  function inText(character: string): string {
    const afterReturn = lastWasReturn;
    lastWasReturn = character === '\r';
    if (character === ESCAPE) {
      state = 'escape';
      length = 0;
      return '';
    }
    if (character === '\n') return afterReturn ? '' : '\n';
    if (character === '\r') return afterReturn ? '' : '\n';
    return character === '\t' || (character >= ' ' && character !== '\x7f') ? character : '';
  }

  function inSequence(character: string): string {
    lastWasReturn = false;
    length += 1;
    if (length > LONGEST_SEQUENCE) state = 'text';
    else if (state === 'escape') return afterEscape(character);
    else if (state === 'string') {
      if (character === BELL) state = 'text';
      else if (character === ESCAPE) state = 'escape';
    } else if (character === ESCAPE) state = 'escape';
    else if (character >= '@' && character <= '~') {
      state = 'text';
      return LINE_BREAKING.includes(character) ? '\n' : '';
    }
    return '';
  }

  function afterEscape(character: string): string {
    if (character === '[') state = 'sequence';
    else if (STRING_STARTS.includes(character)) state = 'string';
    else if (character >= '0' && character <= '~') state = 'text';
    return character === 'c' ? '\n' : ''; // ESC c resets the terminal
  }

  return (bytes) => {
    let text = '';
    for (const character of decoder.decode(bytes, { stream: true })) {
      text += state === 'text' ? inText(character) : inSequence(character);
    }
    return text;
  };
}
