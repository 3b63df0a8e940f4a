// Advice for a project whose files belong to another user: to root, after a `sudo vlb build`.

import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { attempt, systemError } from './errors.ts';
import { quoteCommand } from './quote.ts';
import { shownPath } from './shown-path.ts';

/**
 * The command that gives a project's files to the user, as a hint; undefined for other errors than missing permissions.
 * @param places `.vlb/` and `build/`, absolute
 */
export function chownHint(error: unknown, places: readonly string[]): string | undefined {
  const { code } = systemError(error);
  if (code !== 'EACCES' && code !== 'EPERM') return undefined;
  const names = places.filter((place) => existsSync(place)).map((place) => shownPath(place));
  return `take the files over, if an earlier build ran with sudo: ${quoteCommand(['sudo', 'chown', '-R', userName(), ...names])}`;
}

/** Not every user is in /etc/passwd: in some containers only the number is known. */
function userName(): string {
  return attempt(() => userInfo().username) ?? String(process.getuid?.());
}
