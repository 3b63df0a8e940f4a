// Locks between processes that share a store: a lock is a file that names its owner, and is void once the owner is
// dead.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemError } from '../../util/errors.ts';
import { linkIfFree } from '../../util/fs.ts';
import { makeSharedDirectory, shareWithGroup } from '../local/group-access.ts';
import { FRESH_FOR, startHeartbeat } from './heartbeat.ts';

/** Whether an owner is alive, see `ownerIsAlive` of src/host/process/owner.ts. */
export type IsAlive = (owner: string, file?: string, within?: number) => boolean;

export interface LockOptions {
  /** The lock's file. */
  readonly file: string;
  /** The name of this process, see src/host/process/owner.ts. */
  readonly owner: string;
  readonly isAlive: IsAlive;
  /** Called once if another living process holds the lock, with its name. */
  readonly onWait: (owner: string) => void;
  readonly signal: AbortSignal;
}

const POLL_MILLISECONDS = 100;

/**
 * Takes a lock, waiting for its owner to release it or die; within a process, who comes first is first. Undefined when the
 * signal came first. Throws node's fs errors.
 */
export async function takeLock(options: LockOptions): Promise<Disposable | undefined> {
  const { file, owner, onWait, signal } = options;
  const line = lines.get(file) ?? [];
  lines.set(file, line);
  const turn = Promise.withResolvers<void>();
  const isFirst = line.push(turn.resolve) === 1;
  const leave = () => {
    const place = line.indexOf(turn.resolve);
    if (place < 0) return;
    line.splice(place, 1);
    if (line.length === 0) lines.delete(file);
    else if (place === 0) line[0]?.();
  };
  try {
    if (!isFirst) {
      onWait(owner);
      signal.addEventListener('abort', () => turn.resolve(), { once: true });
      if (!signal.aborted) await turn.promise;
    }
    const lock = await takeFromOthers({ ...options, onWait: isFirst ? onWait : () => {} });
    if (lock) return releasing(lock, leave);
  } catch (error) {
    leave();
    throw error;
  }
  leave();
  return undefined;
}

/** For each lock, who in this process holds it or waits for it: functions that say that it is their turn. */
const lines = new Map<string, (() => void)[]>();

function releasing(lock: Disposable, leave: () => void): Disposable {
  return {
    [Symbol.dispose]: () => {
      lock[Symbol.dispose]();
      leave();
    },
  };
}

/** Takes a lock that other processes may hold. */
async function takeFromOthers({
  file,
  owner,
  isAlive,
  onWait,
  signal,
}: LockOptions): Promise<Disposable | undefined> {
  makeSharedDirectory(path.dirname(file));
  let hasWaited = false;
  while (!signal.aborted) {
    if (create(file, owner)) return held(file, owner);
    const holder = read(file);
    if (holder === undefined) continue; // released in the meantime
    if (!isAlive(holder, file, FRESH_FOR)) {
      dropDeadLock(file, owner, isAlive);
      continue;
    }
    if (!hasWaited) onWait(holder);
    hasWaited = true;
    await delay(POLL_MILLISECONDS, undefined, { signal }).catch(() => {}); // rejects on abort
  }
  return undefined;
}

/**
 * Removes a lock if its owner is dead. Only one process does so at a time, or it could remove the lock of another that
 * has just taken it over. Throws node's fs errors.
 */
export function dropDeadLock(file: string, owner: string, isAlive: IsAlive): void {
  const breaking = `${file}.breaking`;
  if (!create(breaking, owner)) {
    const other = read(breaking);
    if (other !== undefined && !isAlive(other, breaking, FRESH_FOR)) rmSync(breaking, { force: true });
    return;
  }
  try {
    const holder = read(file);
    if (holder !== undefined && !isAlive(holder, file, FRESH_FOR)) rmSync(file, { force: true });
  } finally {
    rmSync(breaking, { force: true });
  }
}

/** A lock that this process holds, unless it was suspended so long that a process in another PID namespace took it over. */
function held(file: string, owner: string): Disposable {
  let isOurs = true;
  const heartbeat = startHeartbeat(file, () => {
    isOurs = read(file) === owner;
    return isOurs;
  });
  return {
    [Symbol.dispose]: () => {
      heartbeat[Symbol.dispose]();
      if (isOurs) rmSync(file, { force: true });
    },
  };
}

/** Creates a file together with its content. False when the name exists. */
function create(file: string, owner: string): boolean {
  const temporary = `${file}.${owner}`;
  try {
    writeFileSync(temporary, owner);
    shareWithGroup(temporary);
    return linkIfFree(temporary, file);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** The content of a file; undefined when it is absent. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (systemError(error).code === 'ENOENT') return undefined;
    throw error;
  }
}

export interface GuardOptions extends Pick<LockOptions, 'owner' | 'isAlive'> {
  /** The store's directory. */
  readonly directory: string;
}

/**
 * Does short, synchronous work under the store's guard: the lock for deciding what stays in the store, taken by builds
 * that lease artifacts and by processes that remove some. Undefined when the signal came first. Throws node's fs
 * errors.
 */
export async function guarded<T>(
  { directory, owner, isAlive }: GuardOptions,
  signal: AbortSignal,
  work: () => T,
): Promise<T | undefined> {
  const file = path.join(directory, 'locks', 'guard');
  using lock = await takeLock({ file, owner, isAlive, onWait: () => {}, signal });
  return lock && work();
}
