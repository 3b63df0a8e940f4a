// Locks between processes that share a store: a file names its owner, and a lock whose owner is dead is nobody's.

import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemError } from '../../util/errors.ts';

export interface LockOptions {
  /** The lock's file. */
  readonly file: string;
  /** The name of this process, see src/host/process/owner.ts. */
  readonly owner: string;
  readonly isAlive: (owner: string) => boolean;
  /** Called once when the lock is held by another living process, with its name. */
  readonly onWait: (owner: string) => void;
  readonly signal: AbortSignal;
}

const POLL_MILLISECONDS = 100;

/** Takes a lock, waiting for its owner to let go or die. Undefined when the signal came first. Throws node's fs errors. */
export async function takeLock(options: LockOptions): Promise<Disposable | undefined> {
  const { file, owner, isAlive, onWait, signal } = options;
  mkdirSync(path.dirname(file), { recursive: true });
  let told = false;
  while (!signal.aborted) {
    if (create(file, owner)) return { [Symbol.dispose]: () => rmSync(file, { force: true }) };
    const holder = read(file);
    if (holder === undefined) continue; // let go meanwhile
    if (!isAlive(holder)) {
      dropDeadLock(file, owner, isAlive);
      continue;
    }
    if (!told) onWait(holder);
    told = true;
    await delay(POLL_MILLISECONDS, undefined, { signal }).catch(() => {}); // rejects on abort
  }
  return undefined;
}

/**
 * Removes a lock, if its owner is dead. Only one process does so at a time, or it could remove the lock of one that was
 * quicker. Throws node's fs errors.
 */
export function dropDeadLock(file: string, owner: string, isAlive: (owner: string) => boolean): void {
  const breaking = `${file}.breaking`;
  if (!create(breaking, owner)) {
    const other = read(breaking);
    if (other !== undefined && !isAlive(other)) rmSync(breaking, { force: true });
    return;
  }
  try {
    const holder = read(file);
    if (holder !== undefined && !isAlive(holder)) rmSync(file, { force: true });
  } finally {
    rmSync(breaking, { force: true });
  }
}

/** Makes a file that is whole from its first moment: link(2) fails where the name is taken. */
function create(file: string, owner: string): boolean {
  const temporary = `${file}.${owner}`;
  try {
    writeFileSync(temporary, owner);
    linkSync(temporary, file);
    return true;
  } catch (error) {
    if (systemError(error).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** What a file says; undefined when it is not there. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (systemError(error).code === 'ENOENT') return undefined;
    throw error;
  }
}
