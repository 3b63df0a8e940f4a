// The port for inspecting finished disks, one or two at a time; they are never written to.

import path from 'node:path';
import { type ArtifactReference, diskFile } from '../artifact.ts';
import type { FileState, PackageDatabase } from '../disk-diff.ts';
import type { Result } from '../failure.ts';
import type { MountOptions } from './machine.ts';

/** A disk to inspect. */
export interface DiskImage {
  /** Absolute, not a symbolic link: a relative backing file is resolved from the file's real directory. */
  readonly file: string;
  /** As QEMU names it. */
  readonly format: string;
  /** The disks beside it, whose file systems its fstab may mount. */
  readonly further?: readonly (DiskImage & { readonly name: string })[];
}

/** The disks of an artifact. @param directory the real path of that of all artifacts */
export function imageOf({ keeping, disks }: ArtifactReference, directory: string): DiskImage {
  const [main, ...further] = disks.map(({ name, digest }) => ({
    name,
    file: path.join(directory, diskFile({ digest, keeping })),
    format: 'qcow2',
  }));
  const { file, format } = main ?? { file: '', format: '' }; // there always is one
  return { file, format, ...(further.length === 0 ? {} : { further }) };
}

/** Disposing of a viewer unmounts and detaches everything. */
export interface DiskViewer extends AsyncDisposable {
  /** Whether extended attributes can be read on this machine. */
  readonly readsAttributes: boolean;
  /** Whether rpm databases can be read on this machine. */
  readonly readsRpm: boolean;
  /**
   * Attaches a disk and mounts the system on it. Requested partitions that the disk does not have are ignored.
   * Fails as `usage` when no system is found, as `host` when it cannot be attached.
   */
  open(image: DiskImage, options: MountOptions): Promise<Result<OpenDisk>>;
  /**
   * Prints the differences of two copies as `diff -u` does. Undefined is an absent file.
   * @param labels the names of the copies
   */
  showTextDiff(
    copies: readonly [string | undefined, string | undefined],
    labels: readonly [string, string],
  ): Promise<Result<void>>;
  /** Runs a shell on the terminal, with the open disks mounted read-only as `a` and `b` in its working directory. */
  shell(a: OpenDisk | undefined, b: OpenDisk): Promise<Result<void>>;
}

export interface OpenDisk {
  /** Whether it has a btrfs, of which no two copies can be mounted at the same time. */
  readonly isBtrfs: boolean;
  /**
   * The number of the partition that has the root file system; undefined without partitions, and for a logical one, which
   * cannot be grown alone.
   */
  readonly rootPartition: number | undefined;
  /** All entries including the root directory, in no particular order. */
  list(): Promise<Result<readonly Entry[]>>;
  /** The SHA-256 of the contents of regular files, by path. */
  contents(paths: readonly string[]): Promise<Result<ReadonlyMap<string, string>>>;
  /** The extended attributes of the entries that have any: hexadecimal values by name. */
  attributes(paths: readonly string[]): Promise<Result<ReadonlyMap<string, Attributes>>>;
  /**
   * The text of a package database: dpkg's status file and apk's database as they are, or one line NAME, VERSION,
   * ARCHITECTURE, LICENSE, SOURCE, separated by tabs, for each rpm package. `files` are the database's files as returned by
   * `list`.
   */
  packages(database: PackageDatabase, files: readonly string[]): Promise<Result<string>>;
  /**
   * Copies a file, or the target of a link as text, to the host; other types are not copied. Follows links in
   * directories.
   */
  copy(path: string): Promise<Result<{ readonly type: FileState['type'] | 'absent'; readonly file: string }>>;
  /**
   * The first bytes of a regular file, at most `most`; none where there is no such file. Follows all links, inside the image.
   */
  read(path: string, most: number): Promise<Result<Buffer>>;
  /**
   * Appends an archive of its files to a file: in pax format, sorted by name, with owners as numbers, hard links and
   * extended attributes. The same disk is archived as the same bytes. Sockets are left out. Fails as `host`.
   */
  archive(target: string, content: ArchiveContent): Promise<Result<void>>;
  /**
   * Writes its files to a squashfs, which must not exist: with numbers as owners, hard links, and the extended attributes that
   * squashfs has, which are those without ACLs. The same disk becomes the same bytes. Fails as `host`.
   */
  squash(target: string, compression: SquashCompression): Promise<Result<void>>;
  /**
   * Copies its files to a new directory of the host, with their owners, modes, times, hard links, holes and extended attributes: as root,
   * which alone can remove them. Returns the bytes that they take there. Fails as `host`.
   */
  copyTree(target: string): Promise<Result<number>>;
  close(): Promise<Result<void>>;
}

/** Of a squashfs: each kernel with squashfs reads gzip, and most read zstd. */
export type SquashCompression = 'gzip' | 'zstd';

export interface ArchiveContent {
  /** Only these files, without what is in directories; otherwise all. */
  readonly paths?: readonly string[];
  /**
   * `whole` has everything that the file system stores. `container` is for programs that unpack container images: ACLs are
   * extended attributes, and SELinux labels, which those programs set, and holes are left out.
   */
  readonly style: 'whole' | 'container';
}

/** A file, directory or other entry of a file system. */
export interface Entry extends FileState {
  /** Absolute in the image. */
  readonly path: string;
  /** The device number of the mounted file system. All names of one file share it and the inode. */
  readonly fileSystem: string;
  readonly inode: string;
  /** The number of hard links. */
  readonly names: number;
  readonly modified: Time;
  /** The inode's change time. Undefined where the file system lets programs set it. */
  readonly changed: Time | undefined;
}

/** Seconds since 1970, with the precision of the file system. */
export type Time = string;

export type Attributes = Readonly<Record<string, string>>;
