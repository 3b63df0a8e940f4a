// Parses the hints in a script's comments: `# vlb: WORD ARGS` and the older plain form.

import { fail, ok, type Result } from '../../model/failure.ts';
import type { Hints, ScriptKind } from '../../model/project.ts';
import { guessHint } from '../../util/nearest.ts';
import { hiddenTarget } from '../layers/targets.ts';
import { type HintDraft, type HintWord, PLAIN_WORDS, VLB_WORDS } from './words.ts';

/**
 * The hints of a script.
 * Fails as `usage`, with file, line and the nearest valid word, when a `# vlb:` line is unknown or malformed.
 */
export function parseHints(text: string, file: string, kind: ScriptKind): Result<Hints> {
  const draft: HintDraft = {
    nocache: false,
    noshare: false,
    bindMounts: [],
    partitionMounts: [],
    layerMounts: [],
    params: [],
    secrets: [],
    cacheDirs: [],
    targetLines: new Map(),
    noNetwork: false,
  };
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const hint = hintOf(line);
    if (hint === undefined) continue;
    const where = { file, line: index + 1 };
    const word = Object.hasOwn(hint.words, hint.word) ? hint.words[hint.word] : undefined;
    if (word === undefined) {
      const known = Object.keys(VLB_WORDS);
      const advice = guessHint(hint.word, known, `valid hints: ${known.join(', ')}`, (guess) => `"${guess}"`);
      return fail('usage', `unknown hint "${hint.word}"`, { where, hint: advice });
    }
    const wrong = word.take(draft, hint.args, { kind, line: where.line });
    if (wrong !== undefined) return fail('usage', `the hint ${hint.word} ${wrong}`, { where });
  }
  const hidden = hiddenTarget(draft);
  if (hidden === undefined) return ok(draft);
  return fail('usage', hidden.message, { where: { file, line: hidden.line } });
}

interface HintLine {
  readonly word: string;
  readonly args: readonly string[];
  readonly words: Readonly<Record<string, HintWord>>;
}

function hintOf(line: string): HintLine | undefined {
  const vlb = /^\s*#\s*vlb:\s*(.*)$/.exec(line);
  if (vlb) {
    const [word = '', ...args] = (vlb[1] ?? '').trim().split(/\s+/);
    return { word, args, words: VLB_WORDS };
  }
  const plain = /^\s*#\s*(nocache|noshare|chroot-bind-mount|chroot-mount)(\s.*)?$/.exec(line);
  if (!plain?.[1]) return undefined;
  const args = (plain[2] ?? '').trim().split(/\s+/).filter(Boolean);
  // "# nocache because …" is the hint with a remark; "# chroot-mount is …" would be a malformed mount.
  return { word: plain[1], args, words: PLAIN_WORDS };
}
