// Removing an export: what its manifest names, and what is then empty.

import { rmdirSync, rmSync } from 'node:fs';
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
      rmSync(path.join(directory, name), { force: true, recursive: name.endsWith('/') });
      removeEmpty(path.dirname(path.join(directory, name)), directory);
    }
    removeEmpty(path.dirname(directory), path.dirname(directory));
    return ok();
  } catch (error) {
    return failAt(directory, 'cannot remove the export', error);
  }
}

/** Removes a directory and those above it, up to `last`, as far as they are empty. */
function removeEmpty(directory: string, last: string): void {
  for (let above = directory; above.startsWith(last); above = path.dirname(above)) {
    if (attempt(() => rmdirSync(above) ?? true) === undefined) return;
  }
}
