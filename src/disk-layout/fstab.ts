// The fstab(5) of planned disks.

import type { PlannedDisk } from '../model/system/layout.ts';
import { mountsInOrder } from './commands.ts';
import { FORMAT_FACTS } from './formats.ts';

/** Its text: every file system by its UUID, so that no line depends on which bus or which place a disk has. */
export function fstabOf(disks: readonly PlannedDisk[]): string {
  const mounts = disks
    .flatMap(mountsInOrder)
    .toSorted((a, b) => (a.target === '/' ? -1 : b.target === '/' ? 1 : 0))
    .map(({ target, options, partition: { content } }) => {
      if (!content) throw new Error(`what is mounted at ${target} has no file system`);
      const { format, uuid } = content;
      const pass = !FORMAT_FACTS[format].isChecked ? 0 : target === '/' ? 1 : 2;
      return lineOf(uuid, target, format, options, pass);
    });
  const swaps = disks.flatMap(({ partitions }) =>
    partitions.flatMap(({ content }) =>
      content?.format === 'swap' ? [lineOf(content.uuid, 'none', 'swap', ['sw'], 0)] : [],
    ),
  );
  return [...mounts, ...swaps].join('');
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
