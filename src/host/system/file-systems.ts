// What vlb knows of each file system, by the name that blkid has for it: how it is mounted, wherever vlb mounts one, and what
// repairs it.

import type { MountArguments } from '../root/agent.ts';

interface FileSystem {
  /** The options of every mount. */
  readonly options?: readonly string[];
  /**
   * Options that make writing faster while a script runs, where the file system supports them. They give up consistency
   * after a crash of the machine, which no run needs: its draft is thrown away in that case. The commit comes after the
   * unmount, which writes everything anyway. docs/performance.md has the gain of each option.
   */
  readonly fast?: string;
  /** The name for mount(8), where that is another one. */
  readonly driver?: string;
  /** The subvolumes that may hold the root of a Linux system, in the order in which they are tried; '' is the default one. */
  readonly roots?: readonly string[];
  /** The command that checks and repairs it; the device follows. */
  readonly repair?: string;
}

const FILE_SYSTEMS: Readonly<Record<string, FileSystem>> = {
  ext4: {
    // Finishing mkfs's lazy work would write zeros into the delta.
    options: ['noinit_itable'],
    fast: 'nobarrier,commit=300,data=writeback,noauto_da_alloc',
    roots: [''],
    repair: 'e2fsck -f',
  },
  ext3: { roots: [''], repair: 'e2fsck -f' },
  ext2: { roots: [''], repair: 'e2fsck -f' },
  // Clones of one disk have one UUID, and two of them may be mounted at once, or one while the host has it mounted.
  xfs: { options: ['nouuid'], roots: [''], repair: 'xfs_repair' },
  btrfs: { roots: ['', '@', '@rootfs', 'root', '@root', 'rootfs'], repair: 'btrfs check' },
  vfat: { repair: 'fsck.vfat -a' },
  exfat: { repair: 'fsck.exfat' },
  f2fs: { repair: 'fsck.f2fs -f' },
  ntfs: { driver: 'ntfs3', repair: 'ntfsfix' },
};

function known(type: string): FileSystem {
  return Object.hasOwn(FILE_SYSTEMS, type) ? (FILE_SYSTEMS[type] ?? {}) : {};
}

/** The types on which a system can be, for messages. */
export const SYSTEM_TYPES = 'ext4, xfs and btrfs';

/** The subvolumes to look for a system in; none on a file system that holds no system. */
export function systemRoots(type: string | undefined): readonly string[] {
  return known(type ?? '').roots ?? [];
}

/** The arguments of a mount of a file system with this type. @param extra further options */
export function mountOf(
  { device, type, target }: Pick<MountArguments, 'device' | 'type' | 'target'>,
  extra: readonly string[] = [],
): MountArguments {
  const { driver = type, options = [] } = known(type);
  return { device, target, type: driver, options: ['noatime', 'nodev', ...options, ...extra].join(',') };
}

/** Options to add to those of a mount for a script, where the file system knows them. */
export function fastOptions(type: string): string | undefined {
  return known(type).fast;
}

/** The option that mounts a subvolume. */
export function subvolume(name: string): readonly string[] {
  return name === '' ? [] : [`subvol=${name}`];
}

/** The command that checks and repairs a file system. */
export function repairCommand(type: string): string {
  return known(type).repair ?? `the fsck of ${type}`;
}
