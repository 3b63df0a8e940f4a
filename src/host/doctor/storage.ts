// Checks a project's store and state directories: whether they are writable, and how much space is free.

import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import path from 'node:path';
import type { Finding } from '../../model/ports/checkup.ts';
import { systemError } from '../../util/errors.ts';
import { formatBytes } from '../../util/units.ts';

/** With less free space than this no build can succeed, bytes. */
const ALMOST_NOTHING = 16 * 1024 * 1024;
/** With less free space than this the build of a whole system may fail, bytes. */
const LITTLE = 2 * 1024 * 1024 * 1024;

const COMMON = { group: 'this project', name: 'store', purpose: 'holds the finished layers' } as const;
const ELSEWHERE = 'keep the store elsewhere: --cache-dir DIR';

/**
 * @param store the store's directory, which need not exist yet
 * @param state the project's state directory, .vlb
 */
export function checkStorage(store: string, state: string): Finding {
  const places = ['', 'sha256', 'keys', 'locks'].map((name) => path.join(store, name));
  for (const place of [...places, state, path.join(state, 'runs')].map(nearestExisting)) {
    const error = writeError(place);
    if (error === undefined) continue;
    const cure =
      error === 'EACCES'
        ? `sudo chown -R "$USER" ${place}; or ${ELSEWHERE}`
        : `make it writable; or ${ELSEWHERE}`;
    return {
      ...COMMON,
      needed: true,
      state: 'problem',
      detail: `${place} is not writable (${error})`,
      cure,
    };
  }
  const { bavail, bsize } = statfsSync(nearestExisting(store));
  const free = bavail * bsize;
  const detail = `${formatBytes(free)} free in ${store}`;
  if (free >= LITTLE) return { ...COMMON, needed: true, state: 'ok', detail };
  return {
    ...COMMON,
    needed: free < ALMOST_NOTHING,
    state: 'problem',
    detail,
    cure: `free some space; or ${ELSEWHERE}`,
  };
}

/** The directory itself, or the nearest existing one above it. */
function nearestExisting(directory: string): string {
  return existsSync(directory) ? directory : nearestExisting(path.dirname(directory));
}

/** The error's code when a directory is not writable. */
function writeError(directory: string): string | undefined {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return systemError(error).code ?? 'unknown reason';
  }
}
