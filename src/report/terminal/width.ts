// Makes untrusted text safe to print on a terminal, and measures how many columns it takes.

/** Escape sequences (ECMA-48 CSI and OSC) and control characters, those of eight bits too. */
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
  /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)|[\x00-\x08\x0a-\x1f\x7f-\x9f]/g;

/** Characters that change the writing direction or end a line, and lone surrogates. */
const LAYOUT = /[\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\p{Cs}]/gu;

/** The text as one line without control sequences; tabs become spaces. */
export function plainText(text: string): string {
  return plainLine(text).replaceAll('\t', ' ');
}

/** The text as one line without control sequences, tabs kept. */
export function plainLine(text: string): string {
  return text.replace(CONTROL, '').replace(LAYOUT, '');
}

/** The longest beginning of a text that fits into this many columns; wide characters and emoji take two. */
export function fitting(text: string, columns: number): string {
  let used = 0;
  let end = 0;
  for (const character of text) {
    used += width(character);
    if (used > columns) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** The most columns that a text takes: terminals do not agree on all emoji. */
export function widthOf(text: string): number {
  let sum = 0;
  for (const character of text) sum += width(character);
  return sum;
}

const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}])$/u;

function width(character: string): number {
  if (character < '\x7f') return 1;
  // A variation selector turns the character before it into an emoji, which may be twice as wide.
  if (character === '\ufe0f') return 1;
  if (/^[\p{M}\p{Cf}]$/u.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
