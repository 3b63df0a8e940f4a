// What is no input: what .vlbignore files name, by the rules of gitignore(5), and what editors drop beside the files.

import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Ignore } from 'ignore';

export const IGNORE_FILE = '.vlbignore';

/** Backup, swap and lock files of Emacs, Vim, Kate and JetBrains' editors, of the Finder, and of NFS. */
const DROPPINGS =
  /^(?:.*~|#.*#|\.#.*|\..*\.sw[a-p]|\..*\.kate-swp|.*___jb_(?:tmp|old)___|\.DS_Store|\.nfs[0-9a-f]{8,})$/;

/** The rules that hold in a directory: its own, and those of the directories above. */
export interface IgnoreRules {
  readonly directory: string;
  /** What its own .vlbignore says; empty where there is none. */
  readonly text: string;
  readonly above: IgnoreRules | undefined;
}

/**
 * The rules that hold in a directory of the project. Outside of it there are none: a tree's own files alone count.
 * @param known those that were read before, by directory
 */
export function rulesIn(
  directory: string,
  projectDirectory: string,
  known: Map<string, IgnoreRules>,
): IgnoreRules {
  const earlier = known.get(directory);
  if (earlier) return earlier;
  const isBelow = directory.startsWith(`${projectDirectory}/`);
  const above = isBelow ? rulesIn(path.dirname(directory), projectDirectory, known) : undefined;
  const text = isBelow || directory === projectDirectory ? textIn(directory) : '';
  const rules = { directory, text, above };
  known.set(directory, rules);
  return rules;
}

/** The rules' texts, nearest first, each with its place in the project: what makes them others. */
export function rulesText(rules: IgnoreRules, projectDirectory: string): string {
  const own = rules.text === '' ? [] : [path.relative(projectDirectory, rules.directory), rules.text];
  const above = rules.above ? rulesText(rules.above, projectDirectory) : '';
  return own.length === 0 ? above : JSON.stringify([...own, above]);
}

/** The rules of a directory that has a .vlbignore of its own. */
export function rulesBelow(directory: string, above: IgnoreRules): IgnoreRules {
  return { directory, text: textIn(directory), above };
}

/** Whether something is no input. The nearest rule that names it decides, as with gitignore(5). Wants prepared rules. */
export function isIgnored(file: string, isDirectory: boolean, rules: IgnoreRules): boolean {
  for (let at: IgnoreRules | undefined = rules; at; at = at.above) {
    const matcher = matchers.get(at);
    if (!matcher) continue;
    const name = path.relative(at.directory, file);
    const { ignored, unignored } = matcher.test(isDirectory ? `${name}/` : name);
    if (ignored) return true;
    if (unignored) return false;
  }
  return DROPPINGS.test(path.basename(file));
}

const matchers = new WeakMap<IgnoreRules, Ignore>();

/** Makes rules ready to be asked. The package is loaded where there is something to match: most projects have no such file. */
export async function prepareRules(rules: IgnoreRules): Promise<void> {
  for (let at: IgnoreRules | undefined = rules; at; at = at.above) {
    if (at.text === '' || matchers.has(at)) continue;
    const { default: ignore } = await import('ignore');
    matchers.set(at, ignore().add(at.text));
  }
}

function textIn(directory: string): string {
  const file = path.join(directory, IGNORE_FILE);
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return '';
  return readFileSync(file, 'utf8');
}
