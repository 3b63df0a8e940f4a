// Checking the machine and the project, and removing leftovers of killed builds.

import { existsSync } from 'node:fs';
import { ok, type Result } from '../model/failure.ts';
import type { Finding } from '../model/ports/checkup.ts';
import { isProject } from '../project/find.ts';
import type { Workspace } from './workspace.ts';

/** Checks the machine, and the project where there is one. Changes nothing. */
export async function checkAll(workspace: Workspace): Promise<readonly Finding[]> {
  const doctor = await workspace.parts.doctor();
  const machine = await doctor.checkMachine();
  return hasState(workspace) ? [...machine, ...doctor.checkProject(workspace.paths)] : machine;
}

/**
 * Removes leftovers of dead processes in this project; those of living ones stay. Returns what was removed. Fails as
 * `host` when something cannot be.
 */
export async function clean(workspace: Workspace): Promise<Result<readonly string[]>> {
  if (!hasState(workspace)) return ok([]);
  return (await workspace.parts.doctor()).clean(workspace.paths);
}

/** A directory without a project has no store to check, unless one is named. */
function hasState({ directory, paths, hasOwnStore }: Workspace): boolean {
  return existsSync(paths.state) || isProject(directory) || hasOwnStore;
}
