// The saved disks of layers whose script failed, .vlb/failed/<layer>.qcow2 and <layer>.<disk>.qcow2, for the user to inspect, until the
// layer runs again. They are not artifacts: nothing is built on them, and they retain nothing in the store.

import { existsSync, readdirSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import type { DiskFile } from '../../kinds/kind.ts';
import { diskFile, diskTitle, MAIN_DISK, parseDiskTitle } from '../../model/artifact.ts';
import { failAt, ok, type Result } from '../../model/failure.ts';
import type { ProjectPaths } from '../../project/project.ts';
import { systemError } from '../../util/errors.ts';
import { makeDirectories, namesIn } from '../../util/fs.ts';
import type { Context } from '../run-context.ts';
import type { LayerRun } from './job.ts';

/** The file of the saved main disk of a layer. */
export function failedDisk(layer: string, { failed }: Pick<ProjectPaths, 'failed'>): string {
  return path.join(failed, `${layer}.qcow2`);
}

/** The files of the saved disks of a layer, by the name of the disk, the main one first; none without one. */
export function failedDisks(layer: string, paths: Pick<ProjectPaths, 'failed'>): ReadonlyMap<string, string> {
  const main = failedDisk(layer, paths);
  if (!existsSync(main)) return new Map();
  const further = namesIn(paths.failed).flatMap((file) => {
    const [name, disk] = parseDiskTitle(path.basename(file, '.qcow2'));
    return name === layer && disk !== undefined ? [[disk, path.join(paths.failed, file)] as const] : [];
  });
  return new Map([[MAIN_DISK, main], ...further.toSorted(([a], [b]) => (a < b ? -1 : 1))]);
}

/** Removes the saved disks of a layer's earlier failure, if there are any. Fails as `host` when it cannot. */
export function dropFailedDisks(layer: string, paths: Pick<ProjectPaths, 'failed'>): Result<void> {
  try {
    for (const file of failedDisks(layer, paths).values()) rmSync(file, { force: true });
    rmSync(failedDisk(layer, paths), { force: true }); // fails where nothing can be saved
    return ok();
  } catch (error) {
    return failAt(failedDisk(layer, paths), 'cannot remove the saved disk of an earlier run', error);
  }
}

/** Saves the disks of a run that failed. Returns false when it cannot: the run's own failure is what counts. */
export async function saveFailedDisks(
  { layer, lineage }: Pick<LayerRun, 'layer' | 'lineage'>,
  disks: readonly DiskFile[],
  { paths, store, host }: Pick<Context, 'paths' | 'store' | 'host'>,
): Promise<boolean> {
  try {
    makeDirectories(paths.failed);
    dropThoseOfNoLayer(path.dirname(layer.directory), paths);
    for (const { name, file } of disks) {
      const below = lineage.parent?.disks.find((disk) => disk.name === name);
      if (lineage.parent && below) {
        const own = diskFile({ digest: below.digest, keeping: lineage.parent.keeping });
        const parent = path.join(realpathSync(store.artifactDirectory), own);
        const set = await host.images.setBacking(file, reference(parent, paths));
        if (!set.ok) return false;
      }
      await move(file, path.join(paths.failed, `${diskTitle(layer.name, name)}.qcow2`));
    }
    return true;
  } catch {
    dropFailedDisks(layer.name, paths);
    return false;
  }
}

/** How a disk in failed/ refers to its parent: relative when the store is in the project, so that both can be moved. */
function reference(parent: string, { failed, project }: Pick<ProjectPaths, 'failed' | 'project'>): string {
  const inside = parent.startsWith(`${realpathSync(project)}/`);
  return inside ? path.relative(realpathSync(failed), parent) : parent;
}

/** Renames, or copies when the store is on another file system. */
async function move(from: string, to: string): Promise<void> {
  try {
    renameSync(from, to);
  } catch (error) {
    if (systemError(error).code !== 'EXDEV') throw error;
    await copyFile(from, to);
  }
}

/** Removes the disks of layers that were renamed or removed, which never run again. */
function dropThoseOfNoLayer(layers: string, { failed }: Pick<ProjectPaths, 'failed'>): void {
  for (const name of readdirSync(failed)) {
    const title = path.basename(name, '.qcow2');
    const isKnown = [title, parseDiskTitle(title)[0]].some((layer) =>
      statSync(path.join(layers, layer), { throwIfNoEntry: false }),
    );
    if (!isKnown) rmSync(path.join(failed, name), { force: true });
  }
}
