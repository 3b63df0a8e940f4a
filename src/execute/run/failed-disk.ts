// The saved disks of layers whose script failed, .vlb/failed/<layer>.qcow2: one per layer, for the user to inspect, until the
// layer runs again. They are not artifacts: nothing is built on them, and they retain nothing in the store.

import { readdirSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { artifactFile } from '../../model/artifact.ts';
import { failAt, ok, type Result } from '../../model/failure.ts';
import type { ProjectPaths } from '../../project/project.ts';
import { systemError } from '../../util/errors.ts';
import { makeDirectories } from '../../util/fs.ts';
import type { Context } from '../run-context.ts';
import type { LayerRun } from './job.ts';

export function failedDisk(layer: string, { failed }: Pick<ProjectPaths, 'failed'>): string {
  return path.join(failed, `${layer}.qcow2`);
}

/** Removes the saved disk of a layer's earlier failure, if there is one. Fails as `host` when it cannot. */
export function dropFailedDisk(layer: string, paths: Pick<ProjectPaths, 'failed'>): Result<void> {
  const file = failedDisk(layer, paths);
  try {
    rmSync(file, { force: true });
    return ok();
  } catch (error) {
    return failAt(file, 'cannot remove the saved disk of an earlier run', error);
  }
}

/** Saves the disk of a run that failed. Returns false when it cannot: the run's own failure is what counts. */
export async function saveFailedDisk(
  { layer, lineage }: Pick<LayerRun, 'layer' | 'lineage'>,
  draft: string,
  { paths, store, host }: Pick<Context, 'paths' | 'store' | 'host'>,
): Promise<boolean> {
  const file = failedDisk(layer.name, paths);
  try {
    makeDirectories(paths.failed);
    dropThoseOfNoLayer(path.dirname(layer.directory), paths);
    if (lineage.parent) {
      const parent = path.join(realpathSync(store.artifactDirectory), artifactFile(lineage.parent));
      const set = await host.images.setBacking(draft, reference(parent, paths));
      if (!set.ok) return false;
    }
    await move(draft, file);
    return true;
  } catch {
    dropFailedDisk(layer.name, paths);
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
    const directory = path.join(layers, path.basename(name, '.qcow2'));
    if (!statSync(directory, { throwIfNoEntry: false })) rmSync(path.join(failed, name), { force: true });
  }
}
