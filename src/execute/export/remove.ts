// Removing an export: what its manifest names, and what is then empty.

import { lstatSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import { attempt } from '../../util/errors.ts';
import { textIfAny } from '../../util/fs.ts';
import type { Target } from './fresh.ts';
import { filesIn, MANIFEST_FILE, namesOf, treeIn } from './manifest.ts';

/** Removes an export, unless another process writes it: then it waits for that. Fails as `host` when it cannot. */
export async function removeExport(
  { directory, note }: Target,
  parts: {
    lock(file: string, onWait: () => void, signal: AbortSignal): Promise<Disposable | undefined>;
    /** Removes a directory, whose files may belong to root: `Host.removeTree`. */
    removeTree(directory: string): Promise<Result<void>>;
  },
  signal: AbortSignal,
): Promise<Result<void>> {
  const lockFile = `${note}.lock`;
  try {
    using lock = await parts.lock(lockFile, () => {}, signal);
    if (!lock) return fail('interrupted', 'interrupted while waiting for an export');
    const text = textIfAny(path.join(directory, MANIFEST_FILE)) ?? '';
    const tree = treeIn(text);
    rmSync(note, { force: true });
    // The manifest goes last: what an interrupted removal leaves is still an export.
    for (const name of namesOf({ files: filesIn(text) ?? [], ...(tree ? { tree } : {}) }).toReversed()) {
      const file = path.join(directory, name.replace(/\/$/, '')); // with a slash, the directory behind a link is meant
      if (isBehindLink(directory, file)) continue;
      if (name.endsWith('/')) {
        const removed = await parts.removeTree(file);
        if (!removed.ok) return removed;
      } else rmSync(file, { force: true });
      removeEmpty(path.dirname(file), directory);
    }
    removeEmpty(path.dirname(directory), path.dirname(directory));
    return ok();
  } catch (error) {
    return failAt(directory, 'cannot remove the export', error);
  }
}

/** Whether a directory between an export and a file in it is a link: what is there, vlb did not write. */
function isBehindLink(directory: string, file: string): boolean {
  const above = path.dirname(file);
  if (above === directory) return false;
  const isLink = lstatSync(above, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return isLink || isBehindLink(directory, above);
}

/** Removes a directory and those above it, up to `last`, as far as they are empty. */
function removeEmpty(directory: string, last: string): void {
  for (let above = directory; above.startsWith(last); above = path.dirname(above)) {
    if (attempt(() => rmdirSync(above) ?? true) === undefined) return;
  }
}
