// Looks at where a project keeps its store and its state: whether they can be written, and how much room there is.

import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import path from 'node:path';
import type { Finding } from '../../model/ports/checkup.ts';
import { systemError } from '../../util/errors.ts';

/** With less than this a build has no chance, bytes. */
const ALMOST_NOTHING = 16 * 1024 * 1024;
/** With less than this a build of a whole system may well fail, bytes. */
const LITTLE = 2 * 1024 * 1024 * 1024;

const COMMON = { group: 'this project', name: 'store', purpose: 'keeps the finished layers' } as const;
const ELSEWHERE = 'keep the store elsewhere: --cache-dir DIR';

/**
 * @param store the store's directory, which need not be there yet
 * @param state the project's own, .vlb
 * @param formatBytes how to write a size
 */
export function lookAtStorage(store: string, state: string, formatBytes: (bytes: number) => string): Finding {
  const places = ['', 'sha256', 'keys', 'locks'].map((name) => path.join(store, name));
  for (const place of [...places, state, path.join(state, 'runs')].map(nearestThere)) {
    const error = cannotWrite(place);
    if (error === undefined) continue;
    const cure =
      error === 'EACCES'
        ? `sudo chown -R "$USER" ${place}; or ${ELSEWHERE}`
        : `make it writable; or ${ELSEWHERE}`;
    return {
      ...COMMON,
      needed: true,
      state: 'problem',
      detail: `${place} cannot be written (${error})`,
      cure,
    };
  }
  const { bavail, bsize } = statfsSync(nearestThere(store));
  const room = bavail * bsize;
  const detail = `${formatBytes(room)} free in ${store}`;
  if (room >= LITTLE) return { ...COMMON, needed: true, state: 'ok', detail };
  return {
    ...COMMON,
    needed: room < ALMOST_NOTHING,
    state: 'problem',
    detail,
    cure: `make room; or ${ELSEWHERE}`,
  };
}

/** The directory itself, or the one in which it would be made. */
function nearestThere(directory: string): string {
  return existsSync(directory) ? directory : nearestThere(path.dirname(directory));
}

/** The error's code when a directory cannot be written. */
function cannotWrite(directory: string): string | undefined {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return systemError(error).code ?? 'unknown reason';
  }
}
