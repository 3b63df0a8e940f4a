// The lock of a system: the versions of all packages in its image, a line each.

import { visit } from '../diff/compare.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import type { DiskViewer } from '../model/ports/viewer.ts';
import { readInventory } from './inventory.ts';
import type { SbomDisk } from './sbom.ts';

/** The text of a lock. Fails as `usage` where the disk has no packages, as `host` when it cannot be read. */
export async function lockText(
  { name, image, options }: SbomDisk,
  viewer: DiskViewer,
): Promise<Result<string>> {
  const read = await visit(viewer, image, options, (disk) => readInventory(disk, name));
  if (!read.ok) return read;
  const { packages } = read.value;
  if (packages.length === 0) return fail('usage', 'the image has no database of packages');
  const lines = packages.map(({ name: one, architecture, version }) => `${one} ${architecture} ${version}\n`);
  return ok(`# Written by vlb layer lock: the versions of all packages.\n${lines.join('')}`);
}
