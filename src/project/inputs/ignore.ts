// What is no input: what .vlbignore files name, by the rules of gitignore(5), and what editors drop beside the files.

import { statSync } from 'node:fs';
import path from 'node:path';
import type { Ignore } from 'ignore';
import { ok, type Result } from '../../model/failure.ts';
import { LARGEST_TEXT, readFile } from './read-file.ts';

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
 * Fails as `usage` when they cannot be read.
 * @param known those that were read before, by directory
 */
export function rulesIn(
  directory: string,
  projectDirectory: string,
  known: Map<string, IgnoreRules>,
): Result<IgnoreRules> {
  const earlier = known.get(directory);
  if (earlier) return ok(earlier);
  const isBelow = directory.startsWith(`${projectDirectory}/`);
  const above = isBelow ? rulesIn(path.dirname(directory), projectDirectory, known) : ok(undefined);
  if (!above.ok) return above;
  const text = isBelow || directory === projectDirectory ? textIn(directory) : ok('');
  if (!text.ok) return text;
  const rules = { directory, text: text.value, above: above.value };
  known.set(directory, rules);
  return ok(rules);
}

/** The rules' texts, nearest first, each with its place in the project: what makes them others. */
export function rulesText(rules: IgnoreRules, projectDirectory: string): string {
  const own = rules.text === '' ? [] : [path.relative(projectDirectory, rules.directory), rules.text];
  const above = rules.above ? rulesText(rules.above, projectDirectory) : '';
  return own.length === 0 ? above : JSON.stringify([...own, above]);
}

/** The rules of a directory that has a .vlbignore of its own. Fails as `usage` when that cannot be read. */
export function rulesBelow(directory: string, above: IgnoreRules): Result<IgnoreRules> {
  const text = textIn(directory);
  return text.ok ? ok({ directory, text: text.value, above }) : text;
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

function textIn(directory: string): Result<string> {
  const file = path.join(directory, IGNORE_FILE);
  if (!isThere(file)) return ok('');
  const read = readFile(file, { what: IGNORE_FILE, atMost: LARGEST_TEXT });
  return read.ok ? ok(read.value.toString()) : read;
}

function isThere(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true; // to be told when it is read
  }
}
