// Finds the here-documents of a shell script: what is in them is a text for other programs, and no comment of the script.

const SHELL = /^#!.*\b(?:sh|[bdkm]?ash|ksh|zsh)\b/;

/** `<<WORD` and `<<-WORD`, with quotes or without, but not the here-string `<<<`. */
const START = /(?<!<)<<(?!<)(-?)[ \t]*(?:'([^']+)'|"([^"]+)"|([^\s;&|<>()'"`]+))/g;

/**
 * The numbers, from 0, of the lines that are in a here-document, in a script that a shell runs. One that has no end, as where
 * `<<` is part of another text, is not counted.
 */
export function hereDocumentLines(lines: readonly string[]): ReadonlySet<number> {
  const inside = new Set<number>();
  if (!SHELL.test(lines[0] ?? '')) return inside;
  const ends = { '': lastLines(lines), '-': lastLines(lines.map(withoutTabs)) };
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (/^\s*#/.test(line)) continue;
    for (const [, dash, single, double, bare = ''] of line.matchAll(START)) {
      const form = dash === '-' ? '-' : '';
      const end = single ?? double ?? bare.replaceAll('\\', '');
      if ((ends[form].get(end) ?? 0) <= at) continue;
      do {
        at++;
        inside.add(at);
      } while ((form === '-' ? withoutTabs(lines[at] ?? '') : lines[at]) !== end);
    }
  }
  return inside;
}

/** Where each line is found last. */
function lastLines(lines: readonly string[]): ReadonlyMap<string, number> {
  return new Map(lines.map((line, index) => [line, index]));
}

function withoutTabs(line: string): string {
  return line.replace(/^\t+/, '');
}
