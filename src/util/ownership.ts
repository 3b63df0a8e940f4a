// Advice for a project that cannot be written to: its files belong to another user, to root after a `sudo vlb build`, or the
// file system is read-only or full.

import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { attempt, systemError } from './errors.ts';
import { quoteCommand } from './quote.ts';
import { shownPath } from './shown-path.ts';

/** What works without writing, for users who cannot write. */
const READING = 'vlb plan, ls, graph and why only read';

/**
 * What to do about a project that cannot be written to; undefined where the error says enough.
 * @param places `.vlb/` and `build/`, absolute
 */
export function writeHint(error: unknown, places: readonly string[]): string | undefined {
  const { code } = systemError(error);
  if (code === 'EROFS') return `build a copy of the project on a file system that can be written; ${READING}`;
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'free some space there';
  if (code !== 'EACCES' && code !== 'EPERM') return undefined;
  const names = places.filter((place) => existsSync(place)).map((place) => shownPath(place));
  return names.length === 0
    ? `build a copy of the project in a directory that you may write to; ${READING}`
    : `take the files over, if an earlier build ran with sudo: ${quoteCommand(['sudo', 'chown', '-R', userName(), ...names])}`;
}

/** Not every user is in /etc/passwd: in some containers only the number is known. */
function userName(): string {
  return attempt(() => userInfo().username) ?? String(process.getuid?.());
}
