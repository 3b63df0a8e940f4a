// The composition root of vlb diff: which implementations look at disks, and how images are found.

import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fuseBackend } from '../host/attach/fuse.ts';
import { backingChain } from '../host/images/backing-chain.ts';
import { openImage } from '../host/images/open-image.ts';
import { ownerName } from '../host/process/owner.ts';
import { makeScratch } from '../host/process/scratch.ts';
import { linuxHost } from '../host/system/host.ts';
import { openDiskViewer } from '../host/view/disk-viewer.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import type { InPlace } from '../model/ports/store.ts';
import type { DiskImage, DiskViewer } from '../model/ports/viewer.ts';
import { projectPaths } from '../project/project.ts';
import { openInPlace } from '../store/in-place/in-place.ts';
import { storePlaces } from '../store/names.ts';
import { systemError } from '../util/errors.ts';
import type { GlobalOptions } from './options.ts';

/** Where the images of a project are. */
export interface ImagePlaces {
  readonly inPlace: InPlace;
  /** The directory that holds every artifact. */
  readonly artifacts: string;
  /** The names of the files there. */
  artifactNames(): readonly string[];
  /** An image file, checked: fails as `usage` when it is none, as `host` when it cannot be read. */
  openImage(file: string, signal: AbortSignal): Promise<Result<DiskImage>>;
  /** The image and all that it stands on, the image first. */
  chain(image: DiskImage): Promise<Result<readonly DiskImage[]>>;
}

export function imagePlaces(options: GlobalOptions): ImagePlaces {
  const paths = projectPaths(options.directory, options.cacheDirectory);
  const { artifacts } = storePlaces(paths.store);
  return {
    inPlace: openInPlace({ ...paths, artifacts, drop: async () => {} }), // nothing is put in place here
    artifacts,
    artifactNames: () => (existsSync(artifacts) ? readdirSync(artifacts) : []),
    openImage: async (file, signal) => {
      const image = await openImage(file, signal, 'compared');
      return image.ok ? ok({ file: image.value.path, format: image.value.format }) : image;
    },
    chain: backingChain,
  };
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Fails as `host` when disks cannot be attached here. */
export async function wireViewer(options: GlobalOptions, signal: AbortSignal): Promise<Result<DiskViewer>> {
  const host = linuxHost(fuseBackend);
  const able = await host.check();
  if (!able.ok) return able;
  const { state, runs } = projectPaths(options.directory, options.cacheDirectory);
  // Two image files need no project, and none shall be begun for them; and a project may be read-only.
  if (!isWritable(state)) {
    const scratch = makeScratch();
    return scratch.ok ? openDiskViewer(fuseBackend, scratch.value.path, signal) : scratch;
  }
  try {
    mkdirSync(runs, { recursive: true });
    const cleared = await host.clearLeftovers(runs);
    if (!cleared.ok) return cleared;
    const directory = mkdtempSync(path.join(runs, `${ownerName()}-diff-`));
    return await openDiskViewer(fuseBackend, directory, signal);
  } catch (error) {
    const { message } = systemError(error);
    return fail('host', `no temporary directory can be made: ${message}`, { where: { file: runs } });
  }
}
