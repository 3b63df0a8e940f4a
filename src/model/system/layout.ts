// How a disk is to be divided, as a user says it, and as it is planned. Sizes and places in bytes.

/** The kind of a partition table. `mbr` is what fdisk(8) calls dos. */
export const TABLES = ['gpt', 'mbr'] as const;
export type Table = (typeof TABLES)[number];

/** The firmware that a disk boots with. */
export const FIRMWARES = ['bios', 'uefi'] as const;
export type Firmware = (typeof FIRMWARES)[number];

/** What a partition is formatted with; `none` leaves it as it is. */
export const FORMATS = ['ext4', 'ext3', 'xfs', 'btrfs', 'vfat', 'swap', 'none'] as const;
export type Format = (typeof FORMATS)[number];

export interface DiskLayout {
  readonly size: number;
  readonly table: Table;
  /** What has to be on the disk so that it boots: none for a disk with data. */
  readonly boot: readonly Firmware[];
  /** In their order on the disk. */
  readonly partitions: readonly PartitionWish[];
  /** The size of its sectors. */
  readonly sectorSize: 512 | 4096;
}

export interface PartitionWish {
  /** Where it is mounted, an absolute path; undefined for a swap, and for one that is not mounted. */
  readonly mount?: string;
  /** All that is left for `rest`, which several partitions share. */
  readonly size: number | 'rest';
  /** The least that `rest` may be. */
  readonly minimum?: number;
  /** The most that `rest` becomes. */
  readonly maximum?: number;
  readonly format: Format;
  readonly label?: string;
  /** Of the file system; otherwise made of a name. */
  readonly uuid?: string;
  /** Options for its line of fstab(5), in the place of the usual ones. */
  readonly options?: readonly string[];
  /** Of a btrfs: its subvolumes, which are mounted in its place. */
  readonly subvolumes?: readonly Subvolume[];
}

export interface Subvolume {
  readonly name: string;
  readonly mount?: string;
  readonly options?: readonly string[];
}

/** A disk with all that is to be known of it before it is made. */
export interface PlannedDisk extends Pick<DiskLayout, 'size' | 'table' | 'sectorSize'> {
  /** The identifier of the table: a UUID, or the 32 bits of an MBR as `0x1234abcd`. */
  readonly identifier: string;
  readonly partitions: readonly PlannedPartition[];
}

/** What a partition is for, which decides its type in the table. */
export type Role = 'bios-boot' | 'esp' | 'swap' | 'linux';

export interface PlannedPartition {
  /** From 1. */
  readonly number: number;
  /** The place of its wish among those of the layout; undefined for one that was added so that the disk boots. */
  readonly wish: number | undefined;
  readonly role: Role;
  readonly start: number;
  readonly size: number;
  /** Of the partition itself; undefined in an MBR, which has none. */
  readonly identifier: string | undefined;
  readonly content: PlannedContent | undefined;
}

/** A file system, or a swap. */
export interface PlannedContent {
  readonly format: Exclude<Format, 'none'>;
  readonly label: string | undefined;
  readonly uuid: string;
  readonly subvolumes: readonly string[];
  /** Where it is mounted, with the subvolumes; none for a swap. */
  readonly mounts: readonly PlannedMount[];
}

export interface PlannedMount {
  readonly target: string;
  readonly subvolume: string | undefined;
  /** For fstab(5). */
  readonly options: readonly string[];
}
