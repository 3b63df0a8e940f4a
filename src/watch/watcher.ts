// Hints that files changed, from the kernel or, where it cannot, by the clock. The only file that imports chokidar.

import path from 'node:path';
import type { Places } from './places.ts';

/** How often the project is looked at where the kernel tells nothing. */
const POLL_MILLISECONDS = 2000;

export interface Watcher {
  close(): Promise<void>;
}

/**
 * Watches places; returns once everything in them is watched.
 * @param onChange called for what may be a change, some too often
 * @param onLimit called with what to tell when the kernel watches no more files for this user; `onChange` is then called by
 * the clock
 */
export async function openWatcher(
  places: Places,
  onChange: () => void,
  onLimit: (message: string) => void,
): Promise<Watcher> {
  const { watch } = await import('chokidar');
  let poll: NodeJS.Timeout | undefined;
  const watcher = watch([...places.roots], {
    ignored: (file) => !places.allows(file),
    ignoreInitial: true,
    followSymlinks: false, // as vlb walks inputs
    ignorePermissionErrors: true, // the plan tells of them
  });
  watcher.on('all', onChange);
  // Besides the package's own events, which leave out some changes of modes. A directory tells of all that is in it.
  watcher.on('raw', (_event, name, details) => {
    const { watchedPath = '' } = details as { watchedPath?: string }; // its types do not say
    const isNamed = name && name !== path.basename(watchedPath);
    if (places.allows(isNamed ? path.join(watchedPath, name) : watchedPath)) onChange();
  });
  const ready = Promise.withResolvers<void>();
  watcher.on('ready', () => ready.resolve());
  watcher.on('error', (error) => {
    const limit = limitOf(error);
    if (limit === undefined || poll !== undefined) return; // something that is gone again, and told already
    poll = setInterval(onChange, POLL_MILLISECONDS);
    onLimit(limit);
    void watcher.close();
    ready.resolve();
  });
  await ready.promise;
  return {
    async close() {
      clearInterval(poll);
      await watcher.close();
    },
  };
}

/** What to tell of inotify(7)'s limits; undefined for any other error. */
function limitOf(error: unknown): string | undefined {
  const { code } = error as NodeJS.ErrnoException; // node's fs throws nothing else
  const name = { ENOSPC: 'max_user_watches', EMFILE: 'max_user_instances' }[code ?? ''];
  if (name === undefined) return undefined;
  return `the kernel watches no more files for this user, so vlb looks every ${POLL_MILLISECONDS / 1000} s; more with: sysctl -w fs.inotify.${name}=${name === 'max_user_watches' ? 1048576 : 1024}`;
}
