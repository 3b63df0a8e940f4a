// Removes what killed runs left behind: loop devices and the runs' directories.

import { rmSync } from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../../model/failure.ts';
import { namesIn, textIfAny } from '../../util/fs.ts';
import { ownerIsAlive } from '../process/owner.ts';
import { run } from '../process/run.ts';
import { asRoot } from '../process/sudo.ts';

/** The file in which an attachment's loop device is noted. */
export const LOOP_NOTE = 'loop';

/** What a run left behind whose owner has ended. */
export interface Leftover {
  /** The run's directory. */
  readonly directory: string;
  /** The loop devices that it left attached. */
  readonly devices: readonly string[];
}

/**
 * Finds every run whose owner has ended. Most of a run ends with its namespaces; its files do not, nor does a loop device
 * that was attached but not yet pinned.
 * @param runs the directory of all runs, whose names begin with their owners'
 */
export function findLeftovers(runs: string): readonly Leftover[] {
  return namesIn(runs)
    .filter((name) => !ownerIsAlive(name, path.join(runs, name)))
    .map((name) => path.join(runs, name))
    .map((directory) => ({ directory, devices: loopDevicesOf(directory) }));
}

/** Removes everything that `findLeftovers` returns. Fails as `host` when a directory cannot be removed. */
export async function clearLeftovers(runs: string): Promise<Result<void>> {
  for (const { directory, devices } of findLeftovers(runs)) {
    for (const device of devices) {
      const [command, ...args] = asRoot(['losetup', '--detach', device]);
      await run(command, args);
    }
    const removed = await removeRun(directory);
    if (!removed.ok) return removed;
  }
  return ok();
}

/** Removes a run's directory, as root if it contains files that belong to root. Fails as `host` when that fails. */
export async function removeRun(directory: string): Promise<Result<void>> {
  try {
    rmSync(directory, { recursive: true, force: true });
    return ok();
  } catch {
    const [command, ...args] = asRoot(['rm', '-rf', '--one-file-system', '--', directory]);
    const removed = await run(command, args);
    return removed.ok ? ok() : removed;
  }
}

/**
 * The loop devices that a dead run left attached. Their files were in a FUSE mount that ended with the run's namespace, so
 * the kernel gives `/` as their path; the run's notes name the devices.
 */
function loopDevicesOf(directory: string): string[] {
  const places = [directory, ...namesIn(directory).map((name) => path.join(directory, name))];
  const noted = places.map((place) => textIfAny(path.join(place, LOOP_NOTE))?.trim());
  return namesIn('/sys/block').flatMap((name) => {
    if (!name.startsWith('loop')) return [];
    const device = `/dev/${name}`;
    const file = (textIfAny(`/sys/block/${name}/loop/backing_file`) ?? '').trim(); // '' if nothing is attached
    return file.startsWith(`${directory}/`) || (file === '/' && noted.includes(device)) ? [device] : [];
  });
}
