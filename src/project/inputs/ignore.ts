// Which files are not inputs: those that .vlbignore files name, by the rules of gitignore(5), leftovers of editors, and what
// version control keeps for itself.

import { statSync } from 'node:fs';
import path from 'node:path';
import type { Ignore } from 'ignore';
import { ok, type Result } from '../../model/failure.ts';
import { attempt } from '../../util/errors.ts';
import { checkEncoding } from './encoding.ts';
import { LARGEST_TEXT, readFile } from './read-file.ts';

export const IGNORE_FILE = '.vlbignore';

/** Backup, swap and lock files of Emacs, Vim, Kate, JetBrains' editors, the Finder and NFS. */
const EDITOR_FILES =
  /^(?:.*~|#.*#|\.#.*|\..*\.sw[a-p]|\..*\.kate-swp|.*___jb_(?:tmp|old)___|\.DS_Store|\.nfs[0-9a-f]{8,})$/;

/**
 * The repositories of Git, Mercurial, Subversion, Bazaar and Jujutsu in a checkout; in a worktree or submodule, `.git` is a file. Each
 * fetch and commit changes them, and nothing that is built.
 */
const REPOSITORIES = /^\.(?:git|hg|svn|bzr|jj)$/;

/** The rules that apply without a .vlbignore: a manifest that was made by others is not reused. */
export const BUILT_IN_RULES = `${EDITOR_FILES.source}|${REPOSITORIES.source}`;

/** The rules that apply in a directory: its own, and those of the directories above. */
export interface IgnoreRules {
  readonly directory: string;
  /** The text of its own .vlbignore; empty without one. */
  readonly text: string;
  readonly above: IgnoreRules | undefined;
}

/**
 * The rules that apply in a directory of the project. Outside of the project only the .vlbignore files inside a mounted
 * tree apply. Fails as `usage` when a file cannot be read.
 * @param known a cache of rules by directory
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

/** How rules are read: case counts from 2 on. What an earlier version found by the same texts may be something else. */
const READING = 2;

/** The texts of the rules, nearest first, each with its directory relative to the project; equal texts mean equal rules. */
export function rulesText(rules: IgnoreRules, projectDirectory: string): string {
  const own = rules.text === '' ? [] : [path.relative(projectDirectory, rules.directory), rules.text];
  const above = rules.above ? rulesText(rules.above, projectDirectory) : '';
  return own.length === 0 ? above : JSON.stringify([READING, ...own, above]);
}

/** The rules of a directory with a .vlbignore of its own. Fails as `usage` when that file cannot be read. */
export function rulesBelow(directory: string, above: IgnoreRules): Result<IgnoreRules> {
  const text = textIn(directory);
  return text.ok ? ok({ directory, text: text.value, above }) : text;
}

/**
 * Whether a file is ignored, in a directory that is not. The nearest matching rule decides, as in gitignore(5), where case counts and
 * `?` stands for a byte. Requires `prepareRules`.
 */
export function isIgnored(file: string, isDirectory: boolean, rules: IgnoreRules): boolean {
  for (let at: IgnoreRules | undefined = rules; at; at = at.above) {
    const matcher = matchers.get(at);
    if (!matcher) continue;
    const name = bytesOf(path.relative(at.directory, file));
    const { ignored, unignored } = matcher.of(name).test(isDirectory ? `${name}/` : name);
    if (ignored) return true;
    if (unignored) return false;
  }
  const name = path.basename(file);
  return EDITOR_FILES.test(name) || REPOSITORIES.test(name);
}

const matchers = new WeakMap<IgnoreRules, Matcher>();

/** Compiles rules for `isIgnored`. The package is loaded only when there are rules: most projects have no .vlbignore. */
export async function prepareRules(rules: IgnoreRules): Promise<void> {
  for (let at: IgnoreRules | undefined = rules; at; at = at.above) {
    if (at.text === '' || matchers.has(at)) continue;
    const { default: ignore } = await import('ignore');
    matchers.set(at, new Matcher(at.text, () => ignore({ ignorecase: false })));
  }
}

/** The rules of one .vlbignore. */
class Matcher {
  readonly #text: string;
  readonly #create: () => Ignore;
  readonly #rules: Ignore;
  /** The same rules for what is in a directory which they ignore, and a nearer .vlbignore does not. */
  readonly #inside = new Map<string, Ignore>();

  constructor(text: string, create: () => Ignore) {
    this.#text = bytesOf(text.replace(/^\ufeff/, ''));
    this.#create = create;
    this.#rules = create().add(this.#text);
  }

  /** The rules that apply to a file: the package takes all in a directory that its rules ignore for ignored. */
  of(name: string): Ignore {
    const directory = path.posix.dirname(name);
    if (directory === '.' || !this.#rules.ignores(`${directory}/`)) return this.#rules;
    const known = this.#inside.get(directory);
    if (known) return known;
    const parts = directory.split('/');
    const above = parts.map((_part, index) => parts.slice(0, index + 1).join('/'));
    const exceptions = above.map((one) => ({ pattern: `!/${one.replace(/[^\w/]/gs, '\\$&')}/` }));
    const rules = this.#create().add(this.#text).add(exceptions);
    this.#inside.set(directory, rules);
    return rules;
  }
}

/** A character for each byte, as git compares names. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function textIn(directory: string): Result<string> {
  const file = path.join(directory, IGNORE_FILE);
  const isAbsent = attempt(() => statSync(file, { throwIfNoEntry: false }) === undefined);
  if (isAbsent) return ok(''); // where it cannot be accessed, reading it reports the error
  const read = readFile(file, { what: IGNORE_FILE, atMost: LARGEST_TEXT });
  if (!read.ok) return read;
  const encoded = checkEncoding(read.value, file, IGNORE_FILE);
  return encoded.ok ? ok(read.value.toString()) : encoded;
}
