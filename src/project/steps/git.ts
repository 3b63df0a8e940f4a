// What `git` is in the texts and templates of steps: the state of the repository that a layer is in.

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { systemError } from '../../util/errors.ts';
import { realPathIfAny } from '../../util/fs.ts';
import { guessHint } from '../../util/nearest.ts';
import { LARGEST_TEXT, readFile } from '../inputs/read-file.ts';

export type GitValues = Readonly<Record<string, string>>;

/** The arguments of git for each value. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  commit: ['rev-parse', '--verify', 'HEAD'],
  branch: ['branch', '--show-current'],
  describe: ['describe', '--tags', '--always', '--dirty'],
};

/** Where a text or a template has expressions. */
const EXPRESSION = /\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}/g;
/** `git.NAME` as part of an expression. */
const USE = /(?<![\w.])git\s*\.\s*(\w+)/g;

/**
 * The values of git that a text uses: no others, since each is part of the layer's key. Fails as `usage` for one that does not
 * exist, or outside of a repository, and as `host` without git.
 * @param directory absolute path of the layer
 */
export function gitValues(text: string, directory: string): Result<GitValues> {
  const values: Record<string, string> = {};
  const expressions = [...text.matchAll(EXPRESSION)].map(([expression]) => expression);
  for (const [, name = ''] of expressions.join('\n').matchAll(USE)) {
    const command = COMMANDS[name];
    if (command === undefined) {
      const known = Object.keys(COMMANDS);
      return fail('usage', `git.${name} does not exist`, {
        hint: guessHint(name, known, `valid names: ${known.map((one) => `git.${one}`).join(', ')}`),
      });
    }
    const value = ask(command, directory);
    if (!value.ok) return value;
    values[name] = value.value;
  }
  return ok(values);
}

/** The same for files of the layer. One that cannot be read is left to the step, which says so. */
export function gitValuesOf(names: readonly string[], directory: string): Result<GitValues> {
  const texts = names.map((name) => {
    const file = realPathIfAny(path.join(directory, name));
    if (file?.startsWith(`${realPathIfAny(directory)}/`) !== true) return '';
    const content = readFile(file, { what: name, atMost: LARGEST_TEXT });
    return content.ok ? content.value.toString() : '';
  });
  return gitValues(texts.join('\n'), directory);
}

function ask(command: readonly string[], directory: string): Result<string> {
  try {
    // Without the program of core.fsmonitor, which the repository's configuration names.
    const words = ['--no-optional-locks', '-c', 'core.fsmonitor=false', '-C', directory, ...command];
    return ok(execFileSync('git', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim());
  } catch (error) {
    const { code, message } = systemError(error);
    if (code === 'ENOENT') return fail('host', 'git is not installed', { hint: 'install the package git' });
    return fail('usage', `the layer uses values of git: ${message.split('\n')[1] ?? message}`);
  }
}
