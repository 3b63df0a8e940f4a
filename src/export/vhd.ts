// The format vhd: dynamic, or fixed as Azure takes it.

import { fail } from '../model/failure.ts';
import type { Exporter, ExportTools } from '../model/ports/exporter.ts';
import { formatBytes } from '../util/units.ts';
import { convertDisk, eachDisk, roundedUp } from './each-disk.ts';

/** The largest disk that the format can describe (Virtual Hard Disk Image Format Specification, 1.0). */
const LARGEST = 2040 * 1024 ** 3;

/** Azure refuses other sizes: https://learn.microsoft.com/azure/virtual-machines/linux/create-upload-generic */
const AZURE_UNIT = 1024 ** 2;

export function vhdExporter(tools: ExportTools): Exporter {
  // Without force_size, QEMU rounds the size up to what a geometry of cylinders, heads and sectors can express.
  const writeDisk = convertDisk(({ variant }) => ({
    format: 'vpc',
    options: [`subformat=${variant === 'azure' ? 'fixed' : 'dynamic'}`, 'force_size=on'],
  }));
  return {
    version: 1,
    describesMachine: false,
    refusal: ({ machine, disks }) => {
      const large = disks.find(({ size = 0 }) => size > LARGEST);
      if (!large) return undefined;
      const size = formatBytes(large.size ?? 0);
      return fail(
        'usage',
        `a vhd holds at most 2040 GiB, and the disk ${large.name} of ${machine.name} has ${size}`,
        {
          hint: 'use the format vhdx',
        },
      ).failure;
    },
    write: eachDisk('vhd', async (disk, target, job) => {
      const unit = job.options['variant'] === 'azure' ? AZURE_UNIT : 512;
      const rounded = await roundedUp(disk, unit, tools, job.scratch);
      return rounded.ok ? writeDisk(rounded.value, target, job) : rounded;
    }),
  };
}
