// Incomplete files of killed vlb processes: without a living owner they are removed.

import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { attempt } from '../../util/errors.ts';
import { namesIn, textIfAny } from '../../util/fs.ts';
import { FRESH_FOR } from '../locks/heartbeat.ts';
import { dropDeadLock, type IsAlive } from '../locks/lock.ts';
import type { StorePlaces } from '../names.ts';
import type { ProjectPlaces } from './projects.ts';

/** Drafts in the store, and incomplete flat images. */
const INCOMPLETE = /^\.(?:tmp|flattening)-(.*)$/;

/**
 * The incomplete files in a directory whose owners are dead, of every version of vlb. Throws node's fs errors.
 * @param isAlive whether the process of that name still runs, see src/host/process/owner.ts
 */
export function deadFiles(directory: string, isAlive: IsAlive): readonly string[] {
  return readdirSync(directory)
    .filter((name) => {
      const rest = INCOMPLETE.exec(name)?.[1];
      const owner = rest && (/^\d+-\d+\.[0-9a-z]+(?:-n\d+)?/.exec(rest)?.[0] ?? rest);
      return owner !== undefined && !isAlive(owner, path.join(directory, name));
    })
    .map((name) => path.join(directory, name));
}

export interface Dead {
  readonly files: readonly string[];
  readonly locks: readonly string[];
}

/** All that dead processes left in a store and in a project that uses it, except runs. Ignores what cannot be read. */
export function findDead(places: StorePlaces, { build, state }: ProjectPlaces, isAlive: IsAlive): Dead {
  const named = (directory: string, pattern: RegExp) =>
    namesIn(directory)
      .filter((name) => isOfDead(pattern.exec(name)?.[1], path.join(directory, name), isAlive))
      .map((name) => path.join(directory, name));
  const locks = [
    ...namesIn(places.locks).map((name) => path.join(places.locks, name)),
    ...['lock', 'lock.breaking'].map((name) => path.join(state, name)),
  ];
  return {
    files: [
      ...[places.artifacts, build].flatMap((directory) => attempt(() => deadFiles(directory, isAlive)) ?? []),
      ...named(places.leases, /^(.*)$/),
      // Temporary files beside those that they were to replace.
      ...named(places.projects, /\.json\.(\d+)$/),
      ...named(places.points, /\.(?:json|release)\.(\d+)$/),
      ...named(state, /^(?:stat-index\.|\.clock-|lock\.)(\d+.*)$/),
      ...named(build, /^\..*\.qcow2\.(\d+)$/),
    ],
    locks: locks.filter((file) => isOfDead(textIfAny(file), file, isAlive)),
  };
}

/** Removes what `findDead` found. Throws node's fs errors. */
export function removeDead({ files, locks }: Dead, owner: string, isAlive: IsAlive): void {
  for (const file of files) rmSync(file, { recursive: true, force: true });
  for (const file of locks) dropDeadLock(file, owner, isAlive);
}

function isOfDead(owner: string | undefined, file: string, isAlive: IsAlive): boolean {
  return owner !== undefined && !isAlive(owner, file, FRESH_FOR);
}
