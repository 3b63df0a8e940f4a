// As root in another user's directory, under sudo for instance: that user gets what a command leaves there.

import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { projectPaths } from '../project/project.ts';
import { namesIn } from '../util/fs.ts';

export interface Places {
  /** Absolute paths. */
  readonly directory: string;
  readonly cacheDirectory: string | undefined;
  /** What the command itself creates in the project. */
  readonly creates: readonly string[];
}

/**
 * Gives it back when this process exits, whatever its status. Does nothing for users other than root, nor in root's
 * directories: a store of root's stays root's.
 */
export function giveBackAtExit({ directory, cacheDirectory, creates }: Places): void {
  if (process.getuid?.() !== 0) return;
  const { build, state, store } = projectPaths(directory, cacheDirectory);
  const [owner, storeOwner] = [ownerOf(directory), ownerOf(store)];
  if (owner === undefined && storeOwner === undefined) return;
  process.once('exit', () => {
    giveBack(owner, [state], [build, ...creates, ...entriesOf(state, 'store')]);
    // What layers put into cache directories is root's on any machine.
    giveBack(storeOwner, [store], entriesOf(store, 'caches'));
  });
}

/** The owner of a directory, or of the one in which it will be created, as chown(1) takes it. Undefined for root. */
function ownerOf(directory: string): string | undefined {
  let at = directory;
  while (!existsSync(at)) at = path.dirname(at);
  const { uid, gid } = statSync(at);
  return uid === 0 ? undefined : `${uid}:${gid}`;
}

/** The paths of a directory's entries, without one of them. */
function entriesOf(directory: string, but: string): string[] {
  return namesIn(directory)
    .filter((name) => name !== but)
    .map((name) => path.join(directory, name));
}

/** Gives these files, and all below these trees, that belong to root. Follows no link, in a path below them neither. */
function giveBack(owner: string | undefined, files: readonly string[], trees: readonly string[]): void {
  if (owner === undefined) return;
  for (const [options, paths] of [[[], files] as const, [['-R', '-P'], trees] as const]) {
    const present = paths.filter((file) => existsSync(file));
    if (present.length === 0) continue;
    try {
      execFileSync('chown', [...options, '-h', '--from=0', owner, '--', ...present], { stdio: 'ignore' });
    } catch {} // a file that went in the meantime
  }
}
