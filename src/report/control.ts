// Text of strangers, made harmless for a terminal.

/** Escape sequences (ECMA-48 CSI and OSC) and control characters, those of eight bits too. */
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
  /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)|[\x00-\x08\x0a-\x1f\x7f-\x9f]/g;

/** One line of text without anything that moves the cursor or paints; tabs become blanks. */
export function plainText(text: string): string {
  return text.replace(CONTROL, '').replaceAll('\t', ' ');
}

/** As much of a text as fits into so many columns; East Asian characters and pictures take two. */
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

function width(character: string): number {
  if (/^[\p{M}\p{Cf}]$/u.test(character)) return 0;
  return /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}])$/u.test(
    character,
  )
    ? 2
    : 1;
}
