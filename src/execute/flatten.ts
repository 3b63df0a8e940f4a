// Writes an image as one qcow2 file of build/ without a backing file: only when it is not fresh, and whole or not at all.

import { lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Artifact, type ArtifactName, diskFile, diskTitle } from '../model/artifact.ts';
import { failAt, ok, type Result } from '../model/failure.ts';
import { namesIn, textIfAny } from '../util/fs.ts';
import { explainFullDisk } from './run/space.ts';
import type { Context } from './run-context.ts';

/**
 * Makes `target`, and files beside it for further disks, flat copies of an artifact. Returns whether anything was written. An interrupted one
 * leaves the earlier file as it was.
 * @param target absolute path of a file in build/
 */
export async function flattenImage(
  { keeping, disks }: Artifact,
  target: string,
  context: Context,
): Promise<Result<boolean>> {
  let isAny = false;
  const { dir, name: image } = path.parse(target);
  for (const { name, digest } of disks) {
    const file = path.join(dir, `${diskTitle(image, name)}.qcow2`);
    const written = await flattenDisk({ name, digest, keeping }, file, context);
    if (!written.ok) return written;
    isAny ||= written.value;
  }
  return ok(isAny);
}

async function flattenDisk(
  disk: ArtifactName & { readonly name: string },
  target: string,
  context: Context,
): Promise<Result<boolean>> {
  const title = diskTitle('flattened', disk.name);
  const note = path.join(context.paths.state, `${title}.json`);
  // The file is not flushed, which would take longer than writing it: after a crash of the machine it is written again.
  const boot = context.host.bootId();
  const fresh = freshness(disk, target, boot);
  if (fresh !== undefined && textIfAny(note) === fresh) return ok(false);
  const source = path.join(context.store.artifactDirectory, diskFile(disk));
  const temporary = path.join(path.dirname(target), `.flattening-${context.owner}.qcow2`);
  try {
    clearDead(path.dirname(target), context);
    const written = await context.host.images.convert(source, 'qcow2', temporary, context.signal);
    if (!written.ok) return { ok: false, failure: explainFullDisk(written.failure, context) };
    // Removed first: ext4 flushes a file that is renamed over another (auto_da_alloc of ext4(5)), which takes as long again
    // as writing it.
    rmSync(target, { force: true });
    renameSync(temporary, target);
    writeFileSync(note, freshness(disk, target, boot) ?? '');
    return ok(true);
  } catch (error) {
    const { failure } = failAt(target, 'the qcow2 image cannot be written', error);
    return { ok: false, failure: explainFullDisk(failure, context) };
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** What identifies a flat file: the disk, the boot it was written in, and its stat; undefined without a regular file. */
function freshness({ digest }: ArtifactName, target: string, boot: string): string | undefined {
  const stat = lstatSync(target, { bigint: true, throwIfNoEntry: false });
  if (!stat?.isFile()) return undefined;
  return JSON.stringify({
    digest,
    boot,
    size: String(stat.size),
    mtime: String(stat.mtimeNs),
    inode: String(stat.ino),
  });
}

/** Removes partial flat files of processes that were killed. */
function clearDead(directory: string, { host }: Context): void {
  for (const name of namesIn(directory)) {
    const owner = /^\.flattening-(.*)\.\w+$/.exec(name)?.[1];
    if (owner !== undefined && !host.isAlive(owner)) rmSync(path.join(directory, name), { force: true });
  }
}
