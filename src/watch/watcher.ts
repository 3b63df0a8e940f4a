// Reports that files may have changed: by inotify, or at intervals where its limit is reached. The only file that imports chokidar.

import path from 'node:path';
import type { FSWatcher } from 'chokidar';
import { systemError } from '../util/errors.ts';
import { isDirectory } from '../util/fs.ts';
import type { Places } from './places.ts';

/** The interval of polling. */
const POLL_MILLISECONDS = 2000;

/** How long to collect new directories before watching them: a checkout creates many at once. */
const REOPEN_MILLISECONDS = 100;

export interface Watcher {
  close(): Promise<void>;
}

/**
 * Watches places; returns once everything in them is watched.
 * @param onChange called for each possible change, sometimes without one
 * @param onLimit called with a message when the inotify limit is reached; from then on `onChange` is called at intervals
 */
export async function openWatcher(
  places: Places,
  onChange: () => void,
  onLimit: (message: string) => void,
): Promise<Watcher> {
  const watcher = new PlacesWatcher(places, onChange, onLimit);
  await watcher.open();
  return watcher;
}

class PlacesWatcher implements Watcher {
  readonly #places: Places;
  readonly #onChange: () => void;
  readonly #onLimit: (message: string) => void;
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;
  #reopen: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(places: Places, onChange: () => void, onLimit: (message: string) => void) {
    this.#places = places;
    this.#onChange = onChange;
    this.#onLimit = onLimit;
  }

  async open(): Promise<void> {
    const { watch } = await import('chokidar');
    const roots = this.#places.roots.filter(isDirectory);
    if (roots.length === 0 || this.#closed) return;
    const watcher = watch(roots, {
      ignored: (file) => !this.#places.allows(file),
      ignoreInitial: true,
      followSymlinks: false, // as for inputs
      ignorePermissionErrors: true, // the plan reports them
    });
    this.#watcher = watcher;
    // Not the package's own events, which omit some changes of modes. A directory reports changes of the files in it.
    watcher.on('raw', (event, name, details) => {
      const { watchedPath = '' } = details as { watchedPath?: string }; // missing in its types
      const isNamed = name && name !== path.basename(watchedPath);
      this.#hint(event, isNamed ? path.join(watchedPath, name) : watchedPath);
    });
    const ready = Promise.withResolvers<void>();
    watcher.on('ready', () => ready.resolve());
    watcher.on('error', (error) => {
      const limit = limitOf(error);
      if (limit === undefined || this.#poll) return; // removed again, or reported already
      this.#poll = setInterval(this.#onChange, POLL_MILLISECONDS);
      this.#onLimit(limit);
      void watcher.close();
      ready.resolve();
    });
    await ready.promise;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#reopen);
    await this.#watcher?.close();
  }

  #hint(event: string, file: string): void {
    if (!this.#places.allows(file)) return;
    this.#onChange();
    if (event !== 'rename' || this.#reopen || this.#poll) return;
    // The package takes a directory that was removed and recreated for the old one, and would watch a removed one.
    if (isDirectory(file) || this.#places.roots.includes(file)) {
      this.#reopen = setTimeout(() => void this.#openAgain(), REOPEN_MILLISECONDS);
    }
  }

  /** Changes until then are found by the scan that the last call of `onChange` causes. */
  async #openAgain(): Promise<void> {
    await this.#watcher?.close();
    this.#reopen = undefined;
    await this.open();
    if (!this.#closed) this.#onChange();
  }
}

/** The message about a limit of inotify(7); undefined for any other error. */
function limitOf(error: unknown): string | undefined {
  const { code } = systemError(error);
  const limit = LIMITS.find((one) => one.code === code);
  return limit === undefined
    ? undefined
    : `the inotify limit is reached, so vlb polls every ${POLL_MILLISECONDS / 1000} s. To raise it: sysctl -w ${limit.setting}`;
}

const LIMITS = [
  { code: 'ENOSPC', setting: 'fs.inotify.max_user_watches=1048576' },
  { code: 'EMFILE', setting: 'fs.inotify.max_user_instances=1024' },
] as const;
