// Waits until no file changes: editors save many files at once, and git rewrites a whole tree.

import { statSync } from 'node:fs';

const QUIET_MILLISECONDS = 120;

/** The longest wait: neither a file that is written all the time nor a stale lock of git may prevent a build. */
const LONGEST_MILLISECONDS = 10_000;

export interface Quiet {
  /** Calls `onQuiet` once, when nothing changed for a while from now on and git has released its index. */
  await(): void;
  close(): void;
}

/**
 * @param lock the path of git's index.lock, where the project is in a repository
 */
export function createQuiet(lock: string | undefined, onQuiet: () => void): Quiet {
  let timer: NodeJS.Timeout | undefined;
  let since = 0;
  const check = () => {
    timer = undefined;
    if (lock !== undefined && isHeld(lock)) {
      timer = setTimeout(check, QUIET_MILLISECONDS);
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
      timer = setTimeout(check, QUIET_MILLISECONDS);
    },
    close() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** Whether git is running: its lock exists and is not stale. */
function isHeld(lock: string): boolean {
  const stat = statSync(lock, { throwIfNoEntry: false });
  return stat !== undefined && Math.abs(Date.now() - stat.mtimeMs) < LONGEST_MILLISECONDS;
}
