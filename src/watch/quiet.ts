// Waits until files keep still: people save many at once, and git goes through a whole tree.

import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

const QUIET_MILLISECONDS = 120;

/** Something that is written all the time must not keep a build from ever beginning; nor must a lock that git left behind. */
const LONGEST_MILLISECONDS = 10_000;

export interface Quiet {
  /** Calls `onQuiet` once it was quiet from now on, and git has let go of its index. */
  await(): void;
  close(): void;
}

/**
 * @param lock git's index.lock, where the project is in a repository
 */
export function createQuiet(lock: string | undefined, onQuiet: () => void): Quiet {
  let timer: NodeJS.Timeout | undefined;
  let since = 0;
  const look = () => {
    timer = undefined;
    if (lock !== undefined && isHeld(lock)) {
      timer = setTimeout(look, QUIET_MILLISECONDS);
      return;
    }
    onQuiet();
  };
  return {
    await() {
      const now = performance.now();
      if (timer === undefined) since = now;
      else if (now - since > LONGEST_MILLISECONDS) return;
      clearTimeout(timer);
      timer = setTimeout(look, QUIET_MILLISECONDS);
    },
    close() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** Whether git is at work: its lock is there, and not forgotten. */
function isHeld(lock: string): boolean {
  const stat = statSync(lock, { throwIfNoEntry: false });
  return stat !== undefined && Math.abs(Date.now() - stat.mtimeMs) < LONGEST_MILLISECONDS;
}

/** Where git locks the index of the working tree that a directory is in; undefined where it is in none. */
export function indexLock(directory: string): string | undefined {
  for (let at = directory; ; at = path.dirname(at)) {
    const git = path.join(at, '.git');
    if (existsSync(git)) return path.join(gitDirectory(git), 'index.lock');
    if (at === path.dirname(at)) return undefined;
  }
}

/** `.git` is a directory, or in a worktree and in a submodule a file that names it. */
function gitDirectory(git: string): string {
  if (!statSync(git).isFile()) return git;
  const named = /^gitdir: (.+)$/m.exec(readFileSync(git, 'utf8'))?.[1];
  return named === undefined ? git : path.resolve(path.dirname(git), named);
}
