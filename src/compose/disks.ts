// The composition root of what reads disks without building anything.

import { constants, mkdirSync, mkdtempSync } from 'node:fs';
import path from 'node:path';
import { fuseBackend } from '../host/attach/fuse.ts';
import { backingChain } from '../host/images/backing-chain.ts';
import { openImage } from '../host/images/open-image.ts';
import { makeScratch } from '../host/process/scratch.ts';
import { linuxHost } from '../host/system/host.ts';
import { openDiskViewer } from '../host/view/disk-viewer.ts';
import { failAt, ok, type Result } from '../model/failure.ts';
import type { DiskViewer } from '../model/ports/viewer.ts';
import type { ProjectPaths } from '../project/project.ts';
import { storePlaces } from '../store/names.ts';
import { isAllowed } from '../util/fs.ts';
import type { Disks } from '../workspace/parts.ts';

export function openDisks(owner: string): Disks {
  return {
    artifactDirectory: (paths) => storePlaces(paths.store).artifacts,
    openViewer: (paths, signal) => openViewer(paths, owner, signal),
    openImage: async (file, signal) => {
      const image = await openImage(file, signal, 'compared');
      return image.ok ? ok({ file: image.value.path, format: image.value.format }) : image;
    },
    chain: backingChain,
  };
}

async function openViewer(
  { state, runs }: ProjectPaths,
  owner: string,
  signal: AbortSignal,
): Promise<Result<DiskViewer>> {
  const host = linuxHost(fuseBackend);
  const able = await host.check();
  if (!able.ok) return able;
  // Two image files need no project, and none shall be begun for them; and a project may be read-only.
  if (!isAllowed(state, constants.W_OK)) {
    const scratch = makeScratch();
    return scratch.ok ? openDiskViewer(fuseBackend, scratch.value.path, signal) : scratch;
  }
  try {
    mkdirSync(runs, { recursive: true });
    const cleared = await host.clearLeftovers(runs);
    if (!cleared.ok) return cleared;
    const directory = mkdtempSync(path.join(runs, `${owner}-diff-`));
    return await openDiskViewer(fuseBackend, directory, signal);
  } catch (error) {
    return failAt(runs, 'cannot create a temporary directory', error);
  }
}
