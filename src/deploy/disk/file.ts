// A file as a target: it gets its name when it is complete, on the disk, and the same as what was to be written.

import { chmodSync, closeSync, fsyncSync, openSync, renameSync, rmSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { DeployEnd, DeployListener, Deployment, DeploySource } from '../../model/ports/deployer.ts';
import { isDirectory, namesIn, statIfAny } from '../../util/fs.ts';
import type { DeployTools } from '../tools.ts';
import { type DiskWish, writeDisk } from './write.ts';

/** @param file absolute path, in which links are followed */
export function prepareFile(file: string, wish: DiskWish, tools: DeployTools): Result<Deployment> {
  const where = { file };
  const above = path.dirname(file);
  if (above === '/dev' || above.startsWith('/dev/')) {
    return fail('usage', statIfAny(file) ? 'this is not a block device' : 'there is no such device', {
      where,
    });
  }
  if (wish.reserved.some((directory) => file === directory || file.startsWith(`${directory}/`))) {
    return fail('usage', 'vlb keeps its own files there', {
      where,
      hint: 'choose a place outside of build/ and .vlb/',
    });
  }
  if (!isDirectory(above)) {
    return fail('usage', 'the directory of the file does not exist', {
      where,
      hint: `create it: mkdir -p ${above}`,
    });
  }
  const stat = statIfAny(file);
  if (stat && !stat.isFile()) return fail('usage', 'this is neither a file nor a block device', { where });
  if (stat && !wish.force) {
    return fail('usage', 'the file exists', { where, hint: 'to replace it, use --force' });
  }
  return ok({
    needs: 'disk',
    steps: () => [`write the system disk to ${file}`, 'read it back and compare'],
    run: (source, listener, signal) => writeFile(file, source, wish, tools, listener, signal),
  });
}

async function writeFile(
  file: string,
  source: DeploySource,
  { full }: DiskWish,
  tools: DeployTools,
  listener: DeployListener,
  signal: AbortSignal,
): Promise<DeployEnd> {
  const fresh = `${prefixOf(file)}${tools.owner}`;
  try {
    clearLeftovers(file, tools);
    closeSync(openSync(fresh, 'wx'));
    const earlier = statIfAny(file);
    if (earlier) chmodSync(fresh, earlier.mode & 0o7777);
    truncateSync(fresh, source.size);
    const written = await writeDisk(source, { file: fresh, isDevice: false, full }, tools, listener, signal);
    if (!written.ok) return { outcome: 'failed', failure: { ...written.failure, where: { file } } };
    flush(fresh);
    renameSync(fresh, file);
    flush(path.dirname(file));
    return { outcome: 'deployed' };
  } catch (error) {
    return { outcome: 'failed', failure: failAt(file, 'cannot write the file', error).failure };
  } finally {
    rmSync(fresh, { force: true });
  }
}

function prefixOf(file: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}-vlb-`);
}

/** Removes what killed deployments to the same file left beside it. */
function clearLeftovers(file: string, { owner, isAlive }: DeployTools): void {
  const prefix = path.basename(prefixOf(file));
  for (const name of namesIn(path.dirname(file))) {
    const of = name.slice(prefix.length);
    if (name.startsWith(prefix) && (of === owner || !isAlive(of)))
      rmSync(path.join(path.dirname(file), name));
  }
}

/** Waits until a file or a directory is on the disk. */
function flush(place: string): void {
  const descriptor = openSync(place, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
