// Reads a kickstart file into its commands and sections, with the files that it includes in their places. What they mean is not known here.
//
// The form is that of pykickstart: a command a line, sections from `%name` to `%end`, which older files leave out.

import { fail, ok, type Result } from '../model/failure.ts';
import { wordsOf } from './words.ts';

/** Where something is: `web.ks:12`. */
export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

export interface Command {
  readonly name: string;
  /** Without its name. */
  readonly words: readonly string[];
  readonly place: Place;
}

export interface Section {
  /** Without the percent sign. */
  readonly name: string;
  readonly words: readonly string[];
  /** Its lines, as they are; of packages with included files in their places. */
  readonly lines: readonly { readonly text: string; readonly place: Place }[];
  readonly place: Place;
}

export interface Kickstart {
  /** In the order of the files. */
  readonly parts: readonly (
    | ({ readonly type: 'command' } & Command)
    | ({ readonly type: 'section' } & Section)
  )[];
  /** Files that are not there, or that only the installer could have. */
  readonly missing: readonly { readonly name: string; readonly place: Place }[];
  /** Files that a script of %pre would write, and that were read from there. */
  readonly fromScripts: readonly { readonly name: string; readonly place: Place }[];
}

/** Sections whose lines are a script: nothing is included in them. */
const SCRIPTS: readonly string[] = ['pre', 'pre-install', 'post', 'onerror', 'traceback'];
const OTHERS: readonly string[] = ['packages', 'addon', 'anaconda', 'certificate'];

/**
 * The commands and sections of a file. Fails as `usage`, with file and line, for what is not a kickstart.
 * @param read the text of a file, by the name with which it is included, and the file that names it; undefined for none
 */
export function parseKickstart(
  file: string,
  text: string,
  read: (name: string, from: string) => { readonly file: string; readonly text: string } | undefined,
): Result<Kickstart> {
  const parts: Kickstart['parts'][number][] = [];
  const missing: Kickstart['missing'][number][] = [];
  const fromScripts: Kickstart['fromScripts'][number][] = [];
  const written = new Map<string, string>();
  let section:
    | { name: string; words: readonly string[]; lines: Section['lines'][number][]; place: Place }
    | undefined;

  const close = (): void => {
    if (!section) return;
    parts.push({ type: 'section', ...section });
    if (section.name.startsWith('pre')) {
      const script = section.lines.map((line) => line.text).join('\n');
      for (const [name, content] of hereDocuments(script)) written.set(name, content);
    }
    section = undefined;
  };

  const include = (name: string, place: Place, open: readonly string[]): Result<void> => {
    const found = read(name, place.file);
    const text = found?.text ?? written.get(name);
    if (text === undefined) {
      missing.push({ name, place });
      return ok();
    }
    const file = found?.file ?? name;
    if (open.includes(file)) {
      const ring = [...open.slice(open.indexOf(file)), file].join(' → ');
      return fail('usage', `files include each other in a cycle: ${ring}`, { where: place });
    }
    if (!found) fromScripts.push({ name, place });
    const inside = lines(file, text, [...open, file]);
    if (found || inside.ok || inside.failure.where?.file !== file) return inside;
    // What a script writes has no place of its own.
    return { ok: false, failure: { ...inside.failure, where: place } };
  };

  const lines = (name: string, content: string, open: readonly string[]): Result<void> => {
    for (const [index, line] of content
      .replace(/^\ufeff/, '')
      .split(/\r?\n/)
      .entries()) {
      const place = { file: name, line: index + 1 };
      const [, word, rest = ''] = /^%(\S+)[ \t]*(.*)$/.exec(line) ?? [];
      const isScript = section !== undefined && SCRIPTS.includes(section.name);
      if (word === 'end') {
        if (!section) return fail('usage', '%end without a section', { where: place });
        close();
      } else if ((word === 'include' || word === 'ksappend') && !isScript) {
        const [target] = wordsOf(rest) ?? [];
        if (target === undefined) return fail('usage', `%${word} requires a file`, { where: place });
        const included = include(target, place, open);
        if (!included.ok) return included;
      } else if (word !== undefined && [...SCRIPTS, ...OTHERS].includes(word)) {
        // Files from before Fedora 9 have no %end.
        close();
        const words = wordsOf(rest);
        if (!words) return fail('usage', 'a quote is not closed', { where: place });
        section = { name: word, words, lines: [], place };
      } else if (section) {
        section.lines.push({ text: line, place });
      } else if (word !== undefined) {
        const known = [...SCRIPTS, ...OTHERS, 'include', 'ksappend'].map((one) => `%${one}`).join(', ');
        return fail('usage', `unknown section %${word}`, { where: place, hint: `valid sections: ${known}` });
      } else {
        const words = wordsOf(line);
        if (!words) return fail('usage', 'a quote is not closed', { where: place });
        const [command, ...others] = words;
        if (command !== undefined) parts.push({ type: 'command', name: command, words: others, place });
      }
    }
    return ok();
  };

  const read_ = lines(file, text, [file]);
  if (!read_.ok) return read_;
  if (section) {
    const { name, place, lines: inside } = section;
    // A file without any %end is an old one.
    const isOld = !parts.some((part) => part.type === 'section') || !/^%end\b/m.test(text);
    if (!isOld && inside.length > 0) return fail('usage', `%${name} has no %end`, { where: place });
    close();
  }
  return ok({ parts, missing, fromScripts });
}

/** What a script writes to files by here-documents, with the first values of its variables, unless the document is quoted. */
function hereDocuments(script: string): readonly (readonly [name: string, text: string])[] {
  const found: [string, string][] = [];
  const form =
    /^[ \t]*cat[ \t]+(?:>[ \t]*(\S+)[ \t]+<<-?[ \t]*(["']?)(\w+)\2|<<-?[ \t]*(["']?)(\w+)\4[ \t]*>[ \t]*(\S+))[ \t]*\n/gm;
  for (const match of script.matchAll(form)) {
    const name = match[1] ?? match[6] ?? '';
    const end = match[3] ?? match[5] ?? '';
    const rest = script.slice((match.index ?? 0) + match[0].length);
    const until = new RegExp(`^[ \\t]*${end}$`, 'm').exec(rest);
    if (!until) continue;
    const text = rest.slice(0, until.index);
    const isQuoted = Boolean(match[2] ?? match[4]);
    found.push([name, isQuoted ? text : withValues(text, script)]);
  }
  return found;
}

/** A text with the variables to which a script gives a plain value, the first one that it gives. */
function withValues(text: string, script: string): string {
  const values = new Map<string, string>();
  for (const [, name = '', value = ''] of script.matchAll(/^[ \t]*(\w+)=["']?([\w./:@-]+)["']?[ \t]*$/gm)) {
    if (!values.has(name)) values.set(name, value);
  }
  return text.replaceAll(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (whole, long: string | undefined, short: string | undefined) => {
      return values.get(long ?? short ?? '') ?? whole;
    },
  );
}
