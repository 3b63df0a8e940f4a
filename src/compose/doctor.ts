// The composition root of vlb doctor.

import { checkMachine } from '../host/doctor/checkup.ts';
import { checkStorage } from '../host/doctor/storage.ts';
import { ownerIsAlive } from '../host/process/owner.ts';
import { clearLeftovers, findLeftovers } from '../host/system/leftovers.ts';
import type { Environment } from '../model/environment.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import type { Finding } from '../model/ports/checkup.ts';
import type { ProjectPaths } from '../project/project.ts';
import { storePlaces } from '../store/names.ts';
import { findDead, removeDead } from '../store/upkeep/dead-files.ts';
import { systemError } from '../util/errors.ts';
import type { Doctor } from '../workspace/parts.ts';

export function openDoctor(owner: string, environment: Environment): Doctor {
  return {
    checkMachine: () => checkMachine(environment),
    checkProject: (paths) => [checkStorage(paths.store, paths.state), leftoversOf(paths)],
    clean: (paths) => clean(paths, owner),
  };
}

async function clean(paths: ProjectPaths, owner: string): Promise<Result<readonly string[]>> {
  const { runs, dead } = find(paths);
  const [remaining] = await clearLeftovers(paths.runs);
  try {
    removeDead(dead, owner, ownerIsAlive);
  } catch (error) {
    const { message } = systemError(error);
    return fail('host', `leftovers cannot be removed: ${message}`);
  }
  if (remaining) return { ok: false, failure: remaining };
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
