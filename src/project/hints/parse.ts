// Parses the hints in a script's comments: `# vlb: WORD ARGS` and the older plain form.

import { fail, ok, type Result } from '../../model/failure.ts';
import type { Hints, ScriptKind } from '../../model/project.ts';
import { guessHint } from '../../util/nearest.ts';
import { hiddenTarget } from '../layers/targets.ts';
import { hereDocumentLines } from './here-documents.ts';
import type { HintDraft, HintWord } from './word.ts';
import { PLAIN_WORDS, VLB_WORDS } from './words.ts';

/**
 * The hints of a script. They are in the comments at its top. Older scripts have some below their first command, which count too, except
 * in here-documents; both are noted in `misplaced`.
 * Fails as `usage`, with file, line and the nearest valid word, when a `# vlb:` line is unknown or malformed.
 */
export function parseHints(text: string, file: string, kind: ScriptKind): Result<Hints> {
  const draft = noHints();
  const lines = text.split(/\r?\n/);
  let isBelow = false;
  let hereDocuments: ReadonlySet<number> | undefined;
  for (const [index, line] of lines.entries()) {
    isBelow ||= !/^\s*(?:#|$)/.test(line);
    const hint = hintOf(line);
    if (hint === undefined) continue;
    const where = { file, line: index + 1 };
    if (isBelow) {
      hereDocuments ??= hereDocumentLines(lines);
      const isText = hereDocuments.has(index);
      const message = isText
        ? `"${hint.word}" is part of a here-document and not a hint`
        : `the hint ${hint.word} is below the first command: move it to the top of the script`;
      draft.misplaced = [...(draft.misplaced ?? []), { line: where.line, message }];
      if (isText) continue;
    }
    const word = Object.hasOwn(hint.words, hint.word) ? hint.words[hint.word] : undefined;
    if (word === undefined) {
      const known = Object.keys(VLB_WORDS);
      const advice = guessHint(hint.word, known, `valid hints: ${known.join(', ')}`, (guess) => `"${guess}"`);
      return fail('usage', `unknown hint "${hint.word}"`, { where, hint: advice });
    }
    const wrong =
      wrongPlace(word, kind) ?? word.take(draft, hint.args, { kind, line: where.line, text: hint.text });
    if (wrong !== undefined) return fail('usage', `the hint ${hint.word} ${wrong}`, { where });
  }
  const hidden = hiddenTarget(draft);
  if (hidden === undefined) return ok(draft);
  return fail('usage', hidden.message, { where: { file, line: hidden.line } });
}

/** What is wrong with a hint in this kind of script. */
function wrongPlace({ notBooted, isBooted }: HintWord, kind: ScriptKind): string | undefined {
  if (kind !== 'boot-layer') return isBooted ? 'is only valid in boot-layer' : undefined;
  return notBooted === undefined ? undefined : `has no use in a boot-layer: ${notBooted}`;
}

/** The hints of a script without any. */
export function noHints(): HintDraft {
  return {
    nocache: false,
    noshare: false,
    bindMounts: [],
    partitionMounts: [],
    layerMounts: [],
    params: [],
    secrets: [],
    passphrases: [],
    cacheDirs: [],
    disks: [],
    places: [],
    targetLines: new Map(),
    noNetwork: false,
  };
}

interface HintLine {
  readonly word: string;
  /** What follows the word, without blanks at both ends. */
  readonly text: string;
  /** The same, as words. */
  readonly args: readonly string[];
  readonly words: Readonly<Record<string, HintWord>>;
}

function hintOf(line: string): HintLine | undefined {
  const [, vlb] = /^\s*#\s*vlb:\s*(.*)$/s.exec(line) ?? [];
  if (vlb !== undefined) return hintIn(vlb, VLB_WORDS);
  // "# nocache because …" is the hint with a remark; "# chroot-mount is …" would be a malformed mount.
  const [, plain] = /^\s*#\s*((?:nocache|noshare|chroot-bind-mount|chroot-mount)(?:\s.*)?)$/.exec(line) ?? [];
  return plain === undefined ? undefined : hintIn(plain, PLAIN_WORDS);
}

function hintIn(hint: string, words: HintLine['words']): HintLine {
  const [, word = '', text = ''] = /^(\S*)\s*(.*?)[ \t]*$/s.exec(hint) ?? [];
  return { word, text, args: text.trim().split(/\s+/).filter(Boolean), words };
}
