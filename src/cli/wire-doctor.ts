// The composition root of vlb doctor: what is looked at on this machine, and what clears it up.

import { existsSync } from 'node:fs';
import { checkMachine } from '../host/doctor/checkup.ts';
import { checkStorage } from '../host/doctor/storage.ts';
import { ownerIsAlive, ownerName } from '../host/process/owner.ts';
import { clearLeftovers, findLeftovers } from '../host/system/leftovers.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import type { Finding } from '../model/ports/checkup.ts';
import { isProject } from '../project/find.ts';
import { type ProjectPaths, projectPaths } from '../project/project.ts';
import { storePlaces } from '../store/names.ts';
import { findDead, removeDead } from '../store/upkeep/dead-files.ts';
import { systemError } from '../util/errors.ts';
import { formatBytes } from '../util/units.ts';
import type { GlobalOptions } from './options.ts';

/** Looks at the machine, and at the project where there is one. Changes nothing. */
export async function checkAll(options: GlobalOptions): Promise<readonly Finding[]> {
  const machine = await checkMachine();
  const paths = projectPathsOf(options);
  if (!paths) return machine;
  return [...machine, checkStorage(paths.store, paths.state, formatBytes), leftoversOf(paths)];
}

/**
 * Removes what dead processes left of builds in this project; what belongs to a living one stays.
 * Returns what was removed. Fails as `host` when something cannot be.
 */
export async function clean(options: GlobalOptions): Promise<Result<readonly string[]>> {
  const paths = projectPathsOf(options);
  if (!paths) return ok([]);
  const { runs, dead } = find(paths);
  const cleared = await clearLeftovers(paths.runs);
  if (!cleared.ok) return cleared;
  try {
    removeDead(dead, ownerName(), ownerIsAlive);
  } catch (error) {
    const { message } = systemError(error);
    return fail('host', `what is left over cannot be removed: ${message}`);
  }
  return ok([
    ...runs.flatMap(({ directory, devices }) => [...devices, directory]),
    ...dead.files,
    ...dead.locks,
  ]);
}

function leftoversOf(paths: ProjectPaths): Finding {
  const common = {
    group: 'this project',
    name: 'leftovers',
    purpose: 'of builds that were killed',
    needed: false,
  } as const;
  const { runs, dead } = find(paths);
  const devices = runs.flatMap((run) => run.devices);
  const counts = [
    [runs.length, 'run'],
    [dead.files.length, 'half-made file'],
    [dead.locks.length, 'lock'],
    [devices.length, 'loop device'],
  ] as const;
  const detail = counts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}${count === 1 ? '' : 's'}`)
    .join(', ');
  return detail === ''
    ? { ...common, state: 'ok', detail: 'none' }
    : { ...common, state: 'problem', detail, cure: 'vlb doctor --clean, or the next build' };
}

function find(paths: ProjectPaths) {
  return {
    runs: findLeftovers(paths.runs),
    dead: findDead(storePlaces(paths.store), paths, ownerIsAlive),
  };
}

/** A directory without a project has no store to look at, unless one is named. */
function projectPathsOf({ directory, cacheDirectory }: GlobalOptions): ProjectPaths | undefined {
  const paths = projectPaths(directory, cacheDirectory);
  const isOne = existsSync(paths.state) || isProject(directory) || cacheDirectory !== undefined;
  return isOne ? paths : undefined;
}
