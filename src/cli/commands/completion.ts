// vlb completion: the scripts for shells, and the candidates that they ask for.

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { loadConfig } from '../../project/config/config.ts';
import type { Config } from '../../project/config/read.ts';
import { findProject } from '../../project/find.ts';
import { layerNamesOf } from '../../project/layers/discover.ts';
import { complete, type Names } from '../args/complete.ts';

const SCRIPTS = {
  bash: new URL('../args/completion/vlb.bash', import.meta.url),
  zsh: new URL('../args/completion/vlb.zsh', import.meta.url),
  fish: new URL('../args/completion/vlb.fish', import.meta.url),
} as const;

/** Prints the script that makes a shell complete the command line of vlb. */
export function printScript(shell: keyof typeof SCRIPTS): void {
  process.stdout.write(readFileSync(SCRIPTS[shell], 'utf8'));
}

/**
 * Prints what the last word could become, a line each: the word, and behind a tab what it means. A line `:files` or
 * `:directories` has the shell complete files or directories too. Nothing is printed about errors in the project.
 * @param words as they were typed, quotes and all
 */
export async function printCandidates(words: readonly string[]): Promise<void> {
  const { candidates, also } = await complete(words.map(unquoted), NAMES);
  const lines = candidates.map(({ word, text }) => `${word}\t${text}\n`);
  process.stdout.write([...(also === undefined ? [] : [`:${also}\n`]), ...lines].join(''));
}

const NAMES: Names = {
  layers: (directory) => layerNamesOf(projectOf(directory)),
  images: async (directory) => (await configOf(directory)).images?.map(({ name }) => name) ?? [],
  machines: async (directory) =>
    (await configOf(directory)).machines?.map(({ machine }) => machine.name) ?? [],
};

/** vlb.yaml; empty when it is invalid. */
async function configOf(directory: string | undefined): Promise<Config> {
  const config = await loadConfig(projectOf(directory));
  return config.ok ? config.value : {};
}

function projectOf(directory: string | undefined): string {
  if (directory === undefined) return findProject(process.cwd());
  return path.resolve(directory.replace(/^~(?=\/|$)/, homedir()));
}

/** Without the quotes and backslashes by which shells take a word as one. */
function unquoted(word: string): string {
  return word.replace(/'([^']*)'?|"((?:[^"\\]|\\.)*)"?|\\(.)/gs, (_all, single, double, escaped) => {
    return single ?? double?.replace(/\\([$`"\\\n])/g, '$1') ?? escaped;
  });
}
