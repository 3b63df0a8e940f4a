// The fstab(5) and the crypttab(5) of planned disks.

import { bootVolumes, contentsOf, nameOfLuks, type PlannedDisk } from '../model/system/layout.ts';
import { mountsInOrder } from './commands.ts';
import { FORMAT_FACTS } from './formats.ts';

/** Its text: every file system by its UUID, so that no line depends on which bus or which place a disk has. */
export function fstabOf(disks: readonly PlannedDisk[]): string {
  const mounts = mountsInOrder(disks)
    .toSorted((a, b) => (a.target === '/' ? -1 : b.target === '/' ? 1 : 0))
    .map(({ target, options, of: { content } }) => {
      const { format, uuid } = content;
      const pass = !FORMAT_FACTS[format].isChecked ? 0 : target === '/' ? 1 : 2;
      return lineOf(uuid, target, format, options, pass);
    });
  const swaps = disks
    .flatMap(contentsOf)
    .flatMap(({ content: { format, uuid } }) =>
      format === 'swap' ? [lineOf(uuid, 'none', 'swap', ['sw'], 0)] : [],
    );
  return [...mounts, ...swaps].join('');
}

/**
 * The text of crypttab(5); empty for disks without LUKS.
 * @param bootOptions of those that have the root: by which the initramfs of the distribution knows that it needs them
 */
export function crypttabOf(disks: readonly PlannedDisk[], bootOptions: readonly string[]): string {
  const atBoot = disks.flatMap((disk) => bootVolumes(disk).encryptions);
  return disks
    .flatMap(({ partitions }) => partitions)
    .flatMap(({ encryption, content }) => {
      if (!encryption) return [];
      const mounts = content?.mounts ?? [];
      // What no mount at boot waits for is not waited for either.
      const waits = ['noauto', 'nofail'].filter(
        (option) => mounts.length > 0 && mounts.every(({ options }) => options.includes(option)),
      );
      const options = ['luks', 'discard', ...waits, ...(atBoot.includes(encryption) ? bootOptions : [])];
      return [`${nameOfLuks(encryption)} UUID=${encryption.uuid} none ${options.join(',')}\n`];
    })
    .join('');
}

function lineOf(
  uuid: string,
  target: string,
  format: string,
  options: readonly string[],
  pass: number,
): string {
  return `UUID=${uuid} ${escaped(target)} ${format} ${escaped(options.join(','))} 0 ${pass}\n`;
}

/** Blanks and backslashes as getmntent(3) has them. */
function escaped(field: string): string {
  return field.replaceAll(
    /[\s\\]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}
