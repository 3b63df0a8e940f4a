// What kinds of layers have in common: the disk of a run, and the settings of their recipes.

import path from 'node:path';
import { type ArtifactName, diskFile, nameOf } from '../model/artifact.ts';
import { type Failure, fail, type Result } from '../model/failure.ts';
import type { Host, RunOwner, Workbench } from '../model/ports/machine.ts';
import { type Layer, scriptFile, type VolumeId } from '../model/project.ts';
import type { Setting } from '../model/recipe.ts';
import type { Images, Task } from './kind.ts';

/** Creates the empty delta of a run over its parent, with the size that the layer sets. */
export async function createDelta(
  { layer, lineage }: Pick<Task, 'layer' | 'lineage'>,
  file: string,
  { images, artifactDirectory }: Images,
): Promise<Result<void>> {
  const { parent } = lineage;
  return createOver(parent && nameOf(parent), layer.hints.diskSize, file, {
    images,
    artifactDirectory,
    layer,
    what: 'the disk-size',
  });
}

/** Creates an empty delta over a disk of the parent, or an empty disk. @param size with its name in `what`, for a failure */
export async function createOver(
  parent: ArtifactName | undefined,
  size: number | undefined,
  file: string,
  {
    images,
    artifactDirectory,
    layer,
    what,
  }: Images & { readonly layer: Pick<Layer, 'name' | 'directory' | 'kind' | 'file'>; readonly what: string },
): Promise<Result<void>> {
  if (parent && size !== undefined) {
    const disk = await images.info(path.join(artifactDirectory, diskFile(parent)));
    if (!disk.ok) return disk;
    if (disk.value.virtualSize > size) {
      return fail(
        'usage',
        `${what} of layer ${layer.name} is smaller than the disk of its parent (${disk.value.virtualSize} bytes)`,
        {
          where: { file: scriptFile(layer) },
          hint: 'use at least that size: a disk can only grow',
        },
      );
    }
  }
  return images.create(file, {
    ...(parent ? { backing: referenceTo(parent) } : {}),
    ...(size === undefined ? {} : { size }),
  });
}

/** Opens the workbench of a run on a disk that is not running. */
export function openBench(
  host: Pick<Host, 'openWorkbench'>,
  directory: string,
  owner: RunOwner | undefined,
): Promise<Result<Workbench>> {
  return host.openWorkbench(directory, owner);
}

/** Opens that of a run whose script uses programs of the host. */
export const openHostBench: typeof openBench = (host, directory, owner) =>
  host.openWorkbench(directory, { key: undefined, below: [], ...owner, usesHostTools: true });

/** How a disk refers to another one as its backing file. */
export function referenceTo(backing: ArtifactName): string {
  return `./${diskFile(backing)}`;
}

/** Whether the script itself ended with the failure, so that its disk is worth inspecting. */
export function leavesDisk(failure: Failure): boolean {
  return failure.kind === 'work' && failure.exitStatus !== undefined;
}

/** The settings of every layer with a script. */
export function scriptSettings({ hints, params }: Layer): readonly Setting[] {
  const { diskSize, disks, sectorSize, rootPartition, noNetwork, hostname, fstab, partitionMounts } = hints;
  return [
    { name: 'disk-size', value: String(diskSize ?? '-') },
    ...disks.map(({ name: of, size }) => ({ name: 'disk', of, value: String(size) })),
    { name: 'root-partition', value: String(rootPartition ?? '-') },
    ...(sectorSize === undefined ? [] : [{ name: 'sector-size', value: String(sectorSize) }]),
    ...Object.entries(params).map(([of, value]) => ({ name: 'param', of, value })),
    ...(noNetwork ? [{ name: 'network', value: 'none' }] : []),
    ...(hostname === undefined ? [] : [{ name: 'hostname', value: hostname }]),
    ...(fstab === undefined ? [] : [{ name: 'fstab', value: fstab }]),
    ...partitionMounts.map(({ partition, subvolume, target: of }) => ({
      name: 'chroot-mount',
      of,
      value: `${volumeWord(partition)}${subvolume === undefined ? '' : `:${subvolume}`}`,
    })),
  ];
}

/** How the hint chroot-mount names a volume. */
export function volumeWord(volume: VolumeId): string {
  return typeof volume === 'number' ? `p${volume}` : volume;
}
