// Grows the disk of an imported base, with the last partition on it and the file system there.

import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import type { Growth } from '../../model/project.ts';
import { formatBytes } from '../../util/units.ts';
import type { BaseRun } from '../kind.ts';

/**
 * Grows a disk. Fails as `usage` when it is larger already, or when its partition cannot grow.
 * @param file the disk, in qcow2
 * @param name the image's name for users
 */
export async function grow(
  file: string,
  { size, expand }: Growth,
  name: string,
  { host: { images }, withWorkbench }: BaseRun,
): Promise<Result<void>> {
  const info = await images.info(file, 'qcow2');
  if (!info.ok) return info;
  const { virtualSize } = info.value;
  if (virtualSize > size) {
    return fail('usage', `base.size is smaller than the disk of the base image ${name}`, {
      detail: [`the disk has ${virtualSize} bytes (${formatBytes(virtualSize)})`],
      hint: 'use at least that size: a disk can only grow',
    });
  }
  const resized = await images.resize(file, size);
  if (!resized.ok) return resized;
  return withWorkbench(async (bench) => {
    const disk = await bench.attach(file);
    if (!disk.ok) return disk;
    const grown = await bench.grow(disk.value, expand);
    if (!grown.ok) return { ok: false, failure: named(grown.failure, name) };
    const detached = await bench.detach(disk.value);
    return detached.ok ? ok() : detached;
  });
}

function named(failure: Failure, name: string): Failure {
  if (failure.kind === 'interrupted') return failure;
  return { ...failure, message: `cannot grow the base image ${name}: ${failure.message}` };
}
