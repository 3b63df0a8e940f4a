// Whether a disk has the place from which GRUB boots by BIOS.

import type { PlannedDisk } from '../../model/system/layout.ts';

/** @param architecture as Node names it */
export function bootsByBios({ partitions, table }: PlannedDisk, architecture: string): boolean {
  return architecture === 'x64' && (table === 'mbr' || partitions.some(({ role }) => role === 'bios-boot'));
}
