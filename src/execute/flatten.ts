// One flat file of an image and all it stands on, made again only when the image is another one.

import { lstatSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Artifact, artifactFile } from '../model/artifact.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import { systemError } from '../util/errors.ts';
import { explainFullDisk } from './run/space.ts';
import type { Context } from './run-context.ts';

/**
 * Makes `image` a flat copy of an artifact; returns whether anything was done. An interrupted copy leaves the earlier
 * image as it was.
 * @param image absolute path of build/image.qcow2
 */
export async function flatten(artifact: Artifact, image: string, context: Context): Promise<Result<boolean>> {
  const note = path.join(context.paths.state, 'flattened.json');
  // The copy is not flushed, which would take longer than making it: after a crash of the machine it is made again.
  const boot = context.host.bootId();
  if (readNote(note) === noteOf(artifact, image, boot)) return ok(false);
  const source = path.join(context.store.artifactDirectory, artifactFile(artifact));
  const temporary = path.join(path.dirname(image), `.flattening-${context.owner}.qcow2`);
  try {
    clearDead(path.dirname(image), context);
    const converted = await context.host.images.convert(source, 'qcow2', temporary, context.signal);
    if (!converted.ok) return { ok: false, failure: explainFullDisk(converted.failure, context) };
    // Taken away first: a file that is renamed over another is written to the disk at once by ext4 (auto_da_alloc of ext4(5)),
    // which takes as long again as making it.
    rmSync(image, { force: true });
    renameSync(temporary, image);
    writeFileSync(note, noteOf(artifact, image, boot) ?? '');
    return ok(true);
  } catch (error) {
    const { message } = systemError(error);
    const { failure } = fail('host', `the flat image cannot be made: ${message}`, { where: { file: image } });
    return { ok: false, failure: explainFullDisk(failure, context) };
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** What makes an image known again: what it was made of and when, and the file's stat; undefined when there is no flat file. */
function noteOf(artifact: Artifact, image: string, boot: string): string | undefined {
  const stat = lstatSync(image, { bigint: true, throwIfNoEntry: false });
  if (!stat?.isFile()) return undefined;
  return JSON.stringify({
    digest: artifact.digest,
    boot,
    size: String(stat.size),
    mtime: String(stat.mtimeNs),
    inode: String(stat.ino),
  });
}

function readNote(note: string): string {
  try {
    return readFileSync(note, 'utf8');
  } catch {
    return 'none';
  }
}

/** Removes copies whose maker was killed. */
function clearDead(directory: string, { host }: Context): void {
  for (const name of readdirSync(directory)) {
    const owner = /^\.flattening-(.*)\.qcow2$/.exec(name)?.[1];
    if (owner !== undefined && !host.isAlive(owner)) rmSync(path.join(directory, name), { force: true });
  }
}
