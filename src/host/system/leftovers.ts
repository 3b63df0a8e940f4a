// Removes what killed runs left behind: loop devices and the runs' directories.

import path from 'node:path';
import type { Failure } from '../../model/failure.ts';
import { namesIn, textIfAny } from '../../util/fs.ts';
import { ownerIsAlive } from '../process/owner.ts';
import { removeTree } from '../process/remove-tree.ts';
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

/** Removes everything that `findLeftovers` returns. Returns the directories that cannot be removed, with the reason. */
export async function clearLeftovers(runs: string): Promise<readonly Failure[]> {
  const remaining: Failure[] = [];
  for (const { directory, devices } of findLeftovers(runs)) {
    for (const device of devices) {
      const [command, ...args] = asRoot(['losetup', '--detach', device]);
      await run(command, args);
    }
    const removed = await removeTree(directory);
    if (!removed.ok) remaining.push(removed.failure);
  }
  return remaining;
}

/** What a user reads about a directory that cannot be removed. */
export function removalNote({ message, detail = [], hint = '' }: Failure): string {
  return `${[message, ...detail.slice(-1)].join(': ')}; ${hint}`;
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
