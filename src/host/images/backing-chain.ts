// Reads the chain of an image's backing files.

import { realpathSync } from 'node:fs';
import { ok, type Result } from '../../model/failure.ts';
import type { DiskImage } from '../../model/ports/viewer.ts';
import { run } from '../process/run.ts';

/** The fields of `qemu-img info --output=json` that are read here (QEMU's docs/interop, "ImageInfo"). */
interface InfoJson {
  readonly filename: string;
  readonly format: string;
}

/**
 * Returns an image and all its backing files, the image first, as absolute paths without links.
 * Fails as `host` when the chain is broken.
 */
export async function backingChain(image: DiskImage): Promise<Result<readonly DiskImage[]>> {
  const args = ['info', '--force-share', '--backing-chain', '--output=json', '-f', image.format, image.file];
  const done = await run('qemu-img', args);
  if (!done.ok) return done;
  const chain: readonly InfoJson[] = JSON.parse(done.value.stdout); // the form is qemu's promise
  return ok(chain.map(({ filename, format }) => ({ file: realpathSync(filename), format })));
}
