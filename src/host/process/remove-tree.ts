// Removes directories in which scripts write as root: with files that belong to root, or that chattr(1) pinned.

import { rmSync } from 'node:fs';
import { fail, ok, type Result } from '../../model/failure.ts';
import { run } from './run.ts';
import { asRoot } from './sudo.ts';

/**
 * Removes a directory with all in it, as root if necessary; nothing behind links and mounts. Fails as `host` with what
 * remains.
 */
export async function removeTree(directory: string): Promise<Result<void>> {
  try {
    rmSync(directory, { recursive: true, force: true });
    return ok();
  } catch {
    const first = await remove(directory);
    if (first.ok) return ok();
    await unpin(directory);
    const removed = await remove(directory);
    return removed.ok ? ok() : remains(directory, removed.failure.detail);
  }
}

function remove(directory: string) {
  const [command, ...args] = asRoot(['rm', '-rf', '--one-file-system', '--', directory]);
  return run(command, args);
}

/**
 * Takes away the attributes that keep a file from being removed. chattr runs in the directory of each file, since a path may be
 * longer than the kernel takes; find does that only if no directory of PATH is relative.
 */
function unpin(directory: string) {
  const chattr = ['-execdir', 'chattr', '-f', '-ia', '--', '{}', '+'];
  const all = ['-xdev', '(', '-type', 'f', '-o', '-type', 'd', ')', ...chattr];
  const [command, ...args] = asRoot(['env', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'find', directory, ...all]);
  return run(command, args);
}

function remains(directory: string, detail: readonly string[] = []): Result<never> {
  return fail('host', `${directory} cannot be removed`, {
    detail,
    hint: 'look for mounts (findmnt) and attributes (lsattr), and remove it as root',
  });
}
