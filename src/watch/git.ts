// Where git keeps the state of the repository that a project is in: gitrepository-layout(5).

import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** The path of git's lock of the index of the working tree that contains a directory; undefined outside of one. */
export function indexLock(directory: string): string | undefined {
  const git = gitDirectoryAbove(directory);
  return git === undefined ? undefined : path.join(git, 'index.lock');
}

/** Absolute paths of what changes with the commit, the branch and the tags of that working tree; none outside of one. */
export function commitPlaces(directory: string): readonly string[] {
  const git = gitDirectoryAbove(directory);
  if (git === undefined) return [];
  const common = path.resolve(git, textIn(path.join(git, 'commondir')) ?? '.');
  return [
    ...['HEAD', 'logs/HEAD'].map((name) => path.join(git, name)),
    ...['refs/tags', 'packed-refs'].map((name) => path.join(common, name)),
  ];
}

function gitDirectoryAbove(directory: string): string | undefined {
  for (let at = directory; ; at = path.dirname(at)) {
    const git = path.join(at, '.git');
    if (existsSync(git)) return gitDirectory(git);
    if (at === path.dirname(at)) return undefined;
  }
}

/** `.git` is a directory; in a worktree or submodule it is a file that names the directory. */
function gitDirectory(git: string): string {
  if (!statSync(git).isFile()) return git;
  const named = /^gitdir: (.+)$/m.exec(readFileSync(git, 'utf8'))?.[1];
  return named === undefined ? git : path.resolve(path.dirname(git), named);
}

function textIn(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}
