// The composition root of what reads disks without building anything.

import { constants, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { backingChain } from '../host/images/backing-chain.ts';
import { checkWritable, openImage } from '../host/images/open-image.ts';
import { makeScratch } from '../host/process/scratch.ts';
import { type BackendSource, linuxHost } from '../host/system/host.ts';
import { openDiskViewer } from '../host/view/disk-viewer.ts';
import type { Environment } from '../model/environment.ts';
import { failAt, ok, type Result } from '../model/failure.ts';
import type { Host } from '../model/ports/machine.ts';
import type { DiskViewer } from '../model/ports/viewer.ts';
import type { ProjectPaths } from '../project/project.ts';
import { storePlaces } from '../store/names.ts';
import { isAllowed, makeDirectories } from '../util/fs.ts';
import type { Disks } from '../workspace/parts.ts';
import { backendFor } from './backend.ts';

export function openDisks(owner: string, environment: Environment): Disks {
  return {
    artifactDirectory: (paths) => storePlaces(paths.store).artifacts,
    openViewer: (paths, choice, signal) => openViewer(paths, owner, backendFor(choice, environment), signal),
    openBench: (paths, host) => openBench(paths, owner, host),
    openImage,
    checkWritable,
    chain: backingChain,
  };
}

async function openViewer(
  paths: ProjectPaths,
  owner: string,
  source: BackendSource,
  signal: AbortSignal,
): Promise<Result<DiskViewer>> {
  const made = await makeDirectory(paths, owner, linuxHost(source));
  return made.ok ? await openDiskViewer(await source.backend(), made.value, signal) : made;
}

async function openBench(paths: ProjectPaths, owner: string, host: Host): ReturnType<Disks['openBench']> {
  const made = await makeDirectory(paths, owner, host);
  if (!made.ok) return made;
  const directory = made.value;
  const bench = await host.openWorkbench(directory);
  if (bench.ok) return ok({ bench: bench.value, directory });
  rmSync(directory, { recursive: true, force: true });
  return bench;
}

/** A directory for the files of one command, of a project or not. */
async function makeDirectory(
  { state, runs }: ProjectPaths,
  owner: string,
  host: Host,
): Promise<Result<string>> {
  const able = await host.check();
  if (!able.ok) return able;
  // Image files need no project, and none shall be begun for them; and a project may be read-only.
  if (!isAllowed(state, constants.W_OK)) {
    const scratch = makeScratch();
    return scratch.ok ? ok(scratch.value.path) : scratch;
  }
  try {
    makeDirectories(runs);
    await host.clearLeftovers(runs);
    return ok(mkdtempSync(path.join(runs, `${owner}-look-`)));
  } catch (error) {
    return failAt(runs, 'cannot create a temporary directory', error);
  }
}
