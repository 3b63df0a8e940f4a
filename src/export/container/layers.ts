// The layers of a container image: for each layer of vlb an archive of what it changed.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { visit } from '../../diff/compare.ts';
import { ok, type Result } from '../../model/failure.ts';
import type { ExportJob, ExportSystem, Packer } from '../../model/ports/exporter.ts';
import { encodeName } from '../../util/file-name.ts';
import { changesOf, type Listed, WHITEOUT } from './changes.ts';

export interface LayerArchive {
  /** Of the layer of vlb. */
  readonly name: string;
  /** Absolute path of its tar archive. */
  readonly file: string;
}

/** Archives each layer, the lowest first. @param onLayer does something with an archive before the next is made */
export async function archiveLayers(
  { layers, mount }: ExportSystem,
  { viewer, scratch, signal }: Pick<ExportJob, 'viewer' | 'scratch' | 'signal'>,
  packer: Pick<Packer, 'tar'>,
  onLayer: (archive: LayerArchive, index: number) => Promise<Result<void>>,
): Promise<Result<void>> {
  const opened = await viewer();
  if (!opened.ok) return opened;
  let below: Listed | undefined;
  for (const [index, layer] of layers.entries()) {
    // What the fstab of a lower layer cannot mount, a later one may have repaired.
    const isTop = index === layers.length - 1;
    const options = isTop || mount.fstab === 'ignored' ? mount : { ...mount, fstab: 'tried' as const };
    const changes = await changesOf(opened.value, options, below, layer);
    if (!changes.ok) return changes;
    const { written, removed } = changes.value;
    const file = path.join(scratch, `layer-${index}.tar`);
    const marked = await writeWhiteouts(removed, file, { scratch, signal }, packer);
    if (!marked.ok) return marked;
    const archived = await visit(opened.value, layer.image, options, (disk) =>
      disk.archive(file, { style: 'container', ...(written ? { paths: written } : {}) }),
    );
    if (!archived.ok) return archived;
    const used = await onLayer({ name: layer.name, file }, index);
    if (!used.ok) return used;
    below = changes.value;
  }
  return ok();
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
