// Software bills of materials: reads the disks of an image, and writes what is on them. Loaded only where it is used, since the
// libraries and lists of licenses are large.

import { visit } from '../diff/compare.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import type { MountOptions } from '../model/ports/machine.ts';
import type { DiskImage, DiskViewer } from '../model/ports/viewer.ts';
import { cyclonedxText } from './cyclonedx.ts';
import { type Inventory, readInventory, type Subject } from './inventory.ts';
import { spdxText } from './spdx.ts';

const FORMATS = { cyclonedx: cyclonedxText, spdx: spdxText } as const;

export type SbomFormat = keyof typeof FORMATS;

export interface SbomDisk {
  readonly name: string;
  readonly image: DiskImage;
  readonly options: MountOptions;
}

/** The subject of a bill, with its disks as they are to be read; the system disk first. */
export interface SbomRequest extends Omit<Subject, 'disks'> {
  readonly disks: readonly SbomDisk[];
  readonly format: SbomFormat;
}

/**
 * The text of a bill. Fails as `usage` where the system disk has no system, or no database of packages is found; as `host` when a
 * disk cannot be read.
 */
export async function sbomText(
  { disks, format, ...subject }: SbomRequest,
  viewer: DiskViewer,
): Promise<Result<string>> {
  const read: Inventory[] = [];
  for (const [index, { name, image, options }] of disks.entries()) {
    const one = await visit(viewer, image, options, (disk) => readInventory(disk, name));
    // Further disks may hold data alone.
    if (!one.ok && one.failure.kind === 'usage' && index > 0) continue;
    if (!one.ok) return one;
    read.push(one.value);
  }
  if (read.every(({ packages }) => packages.length === 0)) {
    return fail('usage', `${subject.name} has no database of packages`, {
      hint: 'vlb reads those of dpkg, rpm and apk',
    });
  }
  return ok(FORMATS[format]({ ...subject, disks: read }));
}
