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
  /** A volume of LVM in the place of a partition. Its size is rounded up to whole extents. */
  readonly volume?: { readonly group: string; readonly name: string };
  /** The volume group that has the partition, in the place of a file system. */
  readonly group?: string;
  /** The secret with the passphrase of the LUKS that is in the partition, and has the content. */
  readonly passphrase?: string;
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
  /** Of LVM. */
  readonly groups: readonly PlannedGroup[];
}

/** What a partition is for, which decides its type in the table. */
export type Role = 'bios-boot' | 'esp' | 'swap' | 'linux' | 'lvm' | 'luks';

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
  /** The LUKS that has the content, or the part of a group. */
  readonly encryption?: PlannedEncryption;
  /** The volume group that has it. */
  readonly group?: string;
}

export interface PlannedEncryption {
  /** The name of the secret with its passphrase. */
  readonly secret: string;
  readonly uuid: string;
}

/** A volume group. */
export interface PlannedGroup {
  readonly name: string;
  readonly volumes: readonly PlannedVolume[];
}

/** A logical volume. */
export interface PlannedVolume {
  readonly name: string;
  readonly wish: number;
  /** Whole extents, bytes. */
  readonly size: number;
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

/** What LUKS makes of a partition is at /dev/mapper under this name, which dracut and systemd have for it too. */
export function nameOfLuks({ uuid }: PlannedEncryption): string {
  return `luks-${uuid}`;
}

/** A file system or a swap with the partition or the volume that has it. */
export interface Occupied {
  readonly content: PlannedContent;
  readonly size: number;
  /** Undefined for a volume of LVM. */
  readonly partition: PlannedPartition | undefined;
  /** The volume of LVM, as `GROUP/NAME`. */
  readonly volume: string | undefined;
}

/** All file systems and swaps of a disk: those of partitions, then those of volumes. */
export function contentsOf({ partitions, groups }: PlannedDisk): readonly Occupied[] {
  return [
    ...partitions.flatMap((partition) => {
      const { content, size } = partition;
      return content ? [{ content, size, partition, volume: undefined }] : [];
    }),
    ...groups.flatMap((group) =>
      group.volumes.flatMap(({ name, size, content }) =>
        content ? [{ content, size, partition: undefined, volume: `${group.name}/${name}` }] : [],
      ),
    ),
  ];
}

/** The formats of what is on a disk. */
export function formatsOf(disk: PlannedDisk): ReadonlySet<PlannedContent['format']> {
  return new Set(contentsOf(disk).map(({ content }) => content.format));
}

/** Whether only a kernel that no other run uses can make the disk: names of volumes are those of a kernel. */
export function needsOwnKernel({ partitions, groups }: PlannedDisk): boolean {
  return groups.length > 0 || partitions.some(({ encryption }) => encryption !== undefined);
}

/** The volumes of LVM and the LUKS without which the root and /usr are not there. */
export function bootVolumes(disk: PlannedDisk): {
  readonly volumes: readonly string[];
  readonly encryptions: readonly PlannedEncryption[];
} {
  const needed = contentsOf(disk).filter(({ content }) =>
    content.mounts.some(({ target }) => ['/', '/usr'].includes(target)),
  );
  const volumes = needed.flatMap(({ volume }) => volume ?? []);
  const groups = volumes.map((volume) => volume.replace(/\/.*/, ''));
  const partitions = disk.partitions.filter(
    (one) => groups.includes(one.group ?? '') || needed.some(({ partition }) => partition === one),
  );
  return { volumes, encryptions: partitions.flatMap(({ encryption }) => encryption ?? []) };
}
