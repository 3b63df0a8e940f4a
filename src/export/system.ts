// What the formats that are made from the files of the system, and not from its disk, have in common.

import { statSync } from 'node:fs';
import { type Failure, fail } from '../model/failure.ts';
import type { ExportDisk, ExporterRefusal, ExportSystem } from '../model/ports/exporter.ts';

/** The refusal of a machine with files on several disks: those of the system disk alone would be exported. */
export function oneSystem(format: string): ExporterRefusal {
  return ({ machine, disks: [, ...others] }): Failure | undefined => {
    const other = others.find(({ isEmpty }) => !isEmpty);
    if (!other) return undefined;
    return fail(
      'usage',
      `the format ${format} has the files of one disk, and ${machine.name} has others on ${other.name}`,
      {
        hint: 'export the disks as images of their own',
      },
    ).failure;
  };
}

/** The system on the system disk of a machine, which always has one. */
export function systemOf(disk: ExportDisk): ExportSystem {
  if (!disk.system) throw new Error(`the disk ${disk.name} has no system`);
  return disk.system;
}

/** Shows the growth of a file while something writes it. @param expected its size at the end, roughly, bytes */
export async function watchGrowth<T>(
  file: string,
  expected: number,
  onProgress: (part: number) => void,
  writing: Promise<T>,
): Promise<T> {
  const timer = setInterval(() => {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    onProgress(Math.min(1, size / Math.max(1, expected)));
  }, LOOK_MILLISECONDS);
  try {
    return await writing;
  } finally {
    clearInterval(timer);
  }
}

const LOOK_MILLISECONDS = 500;
