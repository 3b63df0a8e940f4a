// Which system is in a mounted image, by its os-release(5).

import { ok, type Result } from '../../model/failure.ts';
import type { MountedSystem } from '../../model/ports/machine.ts';
import type { Task } from '../kind.ts';

/** More bytes than that are something else. */
const MOST_BYTES = 64 * 1024;

/** The text of os-release; '' in an image without it. Its links are followed inside the image only. */
export async function readRelease(
  { bench }: Pick<Task, 'bench'>,
  system: MountedSystem,
): Promise<Result<string>> {
  for (const file of ['/etc/os-release', '/usr/lib/os-release']) {
    const read = await bench.read(system, file, MOST_BYTES);
    if (!read.ok) return read;
    if (read.value.length > 0) return ok(read.value.toString());
  }
  return ok('');
}
