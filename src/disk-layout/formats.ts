// What each format of a partition needs, and the command that makes it.

import type { Format, PlannedContent } from '../model/system/layout.ts';

const MIB = 2 ** 20;

export interface FormatFacts {
  /** The least size with which its mkfs makes one that can be used, bytes. */
  readonly least: number;
  /** How long a label may be, bytes. */
  readonly longestLabel: number;
  /** Whether a system can be on it. */
  readonly holdsSystem: boolean;
  readonly uuid: RegExp;
  /** The program that makes it, without the arguments. */
  readonly program: string;
  /** The options of its line in fstab(5), and in that of the root. */
  readonly options: readonly string[];
  readonly rootOptions?: readonly string[];
  /** Whether fsck(8) checks it at boot. */
  readonly isChecked: boolean;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const EXT = {
  longestLabel: 16,
  holdsSystem: true,
  uuid: UUID,
  options: ['defaults'],
  rootOptions: ['errors=remount-ro'],
  isChecked: true,
} as const;

export const FORMAT_FACTS: Readonly<Record<Exclude<Format, 'none'>, FormatFacts>> = {
  ext4: { ...EXT, least: 8 * MIB, program: 'mkfs.ext4' },
  ext3: { ...EXT, least: 8 * MIB, program: 'mkfs.ext3' },
  // mkfs.xfs(8) of xfsprogs 5.19 and later refuses less.
  xfs: {
    least: 300 * MIB,
    longestLabel: 12,
    holdsSystem: true,
    uuid: UUID,
    program: 'mkfs.xfs',
    options: ['defaults'],
    isChecked: false,
  },
  // mkfs.btrfs(8): 109 MiB for a file system with separate metadata.
  btrfs: {
    least: 128 * MIB,
    longestLabel: 255,
    holdsSystem: true,
    uuid: UUID,
    program: 'mkfs.btrfs',
    options: ['defaults'],
    isChecked: false,
  },
  vfat: {
    least: 2 * MIB,
    longestLabel: 11,
    holdsSystem: false,
    uuid: /^[0-9a-f]{4}-[0-9a-f]{4}$/i,
    program: 'mkfs.vfat',
    options: ['defaults'],
    isChecked: false,
  },
  swap: {
    least: MIB,
    longestLabel: 15,
    holdsSystem: false,
    uuid: UUID,
    program: 'mkswap',
    options: ['sw'],
    isChecked: false,
  },
};

/** The formats on which a system can be. */
export const SYSTEM_FORMATS = Object.entries(FORMAT_FACTS).flatMap(([name, { holdsSystem }]) =>
  holdsSystem ? [name] : [],
);

/** Of mkfs.vfat(8): FAT32 from here on, since firmware expects that of an EFI system partition. */
const LEAST_FAT32 = 33 * MIB;

/**
 * The features of ext4 that GRUB 2.06 and the kernels since 3.18 know. A newer mkfs has more by default, such as
 * metadata_csum_seed and orphan_file, with which an older system can neither boot nor check its own disk.
 */
const EXT4_FEATURES = [
  'none,has_journal,ext_attr,resize_inode,dir_index,filetype,sparse_super,large_file,extent,flex_bg',
  '64bit,huge_file,dir_nlink,extra_isize,metadata_csum',
].join(',');

/** Without the lazy options the first boot would write the rest of the file system, and that would end up in another layer. */
const WHOLE = ['-E', 'discard,lazy_itable_init=0,lazy_journal_init=0'];

/**
 * The command that makes the content of a partition, without the device at its end.
 * @param size of the partition, bytes
 */
export function makeCommand({ format, label, uuid }: PlannedContent, size: number): readonly string[] {
  const named = (option: string) => (label === undefined ? [] : [option, label]);
  const { program } = FORMAT_FACTS[format];
  switch (format) {
    case 'ext4':
      return [program, '-q', '-F', ...named('-L'), '-U', uuid, '-O', EXT4_FEATURES, ...WHOLE];
    case 'ext3':
      return [program, '-q', '-F', ...named('-L'), '-U', uuid, ...WHOLE];
    case 'xfs':
      return [program, '-q', '-f', ...named('-L'), '-m', `uuid=${uuid}`];
    case 'btrfs':
      return [program, '-q', '-f', ...named('-L'), '-U', uuid];
    case 'vfat':
      return [
        program,
        ...(size >= LEAST_FAT32 ? ['-F', '32'] : []),
        ...named('-n'),
        '-i',
        uuid.replace('-', ''),
      ];
    case 'swap':
      return [program, ...named('-L'), '-U', uuid];
  }
}
