// Recognizes a full disk: a script on it sees only input/output errors.

import { statfsSync } from 'node:fs';
import type { Failure } from '../../model/failure.ts';
import { attempt } from '../../util/errors.ts';
import type { Context } from '../run-context.ts';

/** With less free space than this, a failure is attributed to it; bytes. */
const ALMOST_NOTHING = 16 * 1024 * 1024;

/** The failure, with the full disk as its cause when the store's or the project's file system is full. */
export function explainFullDisk(failure: Failure, context: Pick<Context, 'store' | 'paths'>): Failure {
  for (const directory of [context.store.artifactDirectory, context.paths.state]) {
    if (!isFull(directory)) continue;
    return {
      ...failure,
      kind: 'host',
      message: `no space left on the disk; ${failure.message}`,
      where: { file: directory },
      hint: 'make room there, or move the store: --cache-dir DIR',
    };
  }
  return failure;
}

/** The failure for a full store: what was written last may be missing, even without an error. */
export function fullStore({ store }: Pick<Context, 'store'>): Failure | undefined {
  const file = store.artifactDirectory;
  if (!isFull(file)) return undefined;
  return {
    kind: 'host',
    message: 'no space left on the disk',
    where: { file },
    hint: 'make room there, or move the store: --cache-dir DIR',
  };
}

/** Whether the file system of a directory is full, or almost. */
export function isFull(directory: string): boolean {
  return roomIn(directory) <= ALMOST_NOTHING;
}

function roomIn(directory: string): number {
  const stat = attempt(() => statfsSync(directory));
  return stat ? stat.bavail * stat.bsize : Number.POSITIVE_INFINITY; // a missing directory explains nothing
}
