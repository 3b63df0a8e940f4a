// The layers of a container image: for each layer of vlb an archive of what it changed.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { visit } from '../../diff/compare.ts';
import { ok, type Result } from '../../model/failure.ts';
import type { ExportJob, ExportLayer, ExportSystem, Packer } from '../../model/ports/exporter.ts';
import type { MountOptions } from '../../model/ports/machine.ts';
import type { DiskViewer } from '../../model/ports/viewer.ts';
import { encodeName } from '../../util/file-name.ts';
import { changesOf, type LayerChanges, type Listed, WHITEOUT } from './changes.ts';

export interface LayerArchive {
  /** Of the layer of vlb. */
  readonly name: string;
  /** Absolute path of its tar archive. */
  readonly file: string;
}

/** Archives each layer, the lowest first. @param onLayer does something with an archive before the next is made */
export async function archiveLayers(
  { layers, mount }: ExportSystem,
  job: Pick<ExportJob, 'viewer' | 'scratch' | 'signal' | 'share'>,
  packer: Pick<Packer, 'tar'>,
  onLayer: (archive: LayerArchive, index: number) => Promise<Result<void>>,
): Promise<Result<void>> {
  let known: Listed | undefined;
  for (const [index, layer] of layers.entries()) {
    // What the fstab of a lower layer cannot mount, a later one may have repaired.
    const isTop = index === layers.length - 1;
    const options = isTop || mount.fstab === 'ignored' ? mount : { ...mount, fstab: 'tried' as const };
    const file = path.join(job.scratch, `layer-${index}.tar`);
    const below = layers[index - 1];
    const listed = known;
    known = undefined;
    const archived = await job.share(nameOf(layers.slice(0, index + 1), options), file, async () => {
      const opened = await job.viewer();
      if (!opened.ok) return opened;
      const viewer = opened.value;
      // Where the archive of the layer below was there already, its files are not known yet.
      const before =
        below && !listed
          ? await changesOf(viewer, { ...mount, fstab: 'tried' }, undefined, below)
          : ok(listed);
      if (!before.ok) return before;
      const changes = await changesOf(viewer, options, before.value, layer);
      if (!changes.ok) return changes;
      known = changes.value;
      return archiveChanges(viewer, options, changes.value, file, job, packer);
    });
    if (!archived.ok) return archived;
    const used = await onLayer({ name: layer.name, file }, index);
    if (!used.ok) return used;
  }
  return ok();
}

/** Says all that the archive of the last of these layers depends on. */
function nameOf(
  layers: readonly ExportLayer[],
  { partitionMounts, fstab, rootPartition }: MountOptions,
): string {
  const disks = layers.map(({ image, isDescendant }) => [image.file, isDescendant]);
  return JSON.stringify(['layer', disks, partitionMounts, fstab, rootPartition ?? null]);
}

async function archiveChanges(
  viewer: DiskViewer,
  mount: MountOptions,
  { layer, written, removed }: Listed & LayerChanges,
  file: string,
  job: Pick<ExportJob, 'scratch' | 'signal'>,
  packer: Pick<Packer, 'tar'>,
): Promise<Result<void>> {
  const marked = await writeWhiteouts(removed, file, job, packer);
  if (!marked.ok) return marked;
  return visit(viewer, layer.image, mount, (disk) =>
    disk.archive(file, { style: 'container', ...(written ? { paths: written } : {}) }),
  );
}

/** Begins an archive with an empty file for each file that was removed, as the OCI image specification has it. */
async function writeWhiteouts(
  removed: readonly string[],
  file: string,
  { scratch, signal }: Pick<ExportJob, 'scratch' | 'signal'>,
  packer: Pick<Packer, 'tar'>,
): Promise<Result<void>> {
  if (removed.length === 0) return ok();
  const directory = path.join(scratch, 'whiteouts');
  mkdirSync(directory);
  const names = removed.map((name) => {
    const slash = name.lastIndexOf('/');
    const place = Buffer.concat([Buffer.from(directory), encodeName(name.slice(0, slash))]);
    mkdirSync(place, { recursive: true });
    const whiteout = `${WHITEOUT}${name.slice(slash + 1)}`;
    writeFileSync(Buffer.concat([place, encodeName(`/${whiteout}`)]), '');
    return `.${name.slice(0, slash)}/${whiteout}`;
  });
  const written = await packer.tar({ directory, names, owner: 0, isOpen: true }, file, signal);
  rmSync(directory, { recursive: true });
  return written;
}
