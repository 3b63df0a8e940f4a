// The port through which finished disks are looked at, one or two at a time; nothing is ever written to them.

import type { FileState, PackageDatabase } from '../disk-diff.ts';
import type { Result } from '../failure.ts';
import type { MountOptions } from './machine.ts';

/** A disk to look at. */
export interface DiskImage {
  /** Absolute, and no symbolic link: a backing reference counts from where the file really is. */
  readonly file: string;
  readonly format: 'qcow2' | 'raw';
}

/** Disposing of a viewer gives back all that it has attached and mounted. */
export interface DiskViewer extends AsyncDisposable {
  /** Whether extended attributes can be read here. */
  readonly readsAttributes: boolean;
  /** Whether the databases of rpm can be read here. */
  readonly readsRpm: boolean;
  /**
   * Attaches a disk and mounts the system on it. Partitions that the disk does not have are left out.
   * Fails as `usage` when no system is found, as `host` when it cannot be attached.
   */
  open(image: DiskImage, options: MountOptions): Promise<Result<OpenDisk>>;
  /**
   * Prints what differs in two copies, as `diff -u` does. Undefined is a file that is not there.
   * @param labels what the copies are called
   */
  showTextDiff(
    copies: readonly [string | undefined, string | undefined],
    labels: readonly [string, string],
  ): Promise<Result<void>>;
  /** Hands the terminal to a shell that sees the open disks, read-only, as `a` and `b` in its working directory. */
  shell(a: OpenDisk | undefined, b: OpenDisk): Promise<Result<void>>;
}

export interface OpenDisk {
  /** Some file system on it is btrfs, of which no two copies can be mounted at once. */
  readonly isBtrfs: boolean;
  /** All that is there, the root directory too, in no order. */
  list(): Promise<Result<readonly Entry[]>>;
  /** SHA-256 of the contents of regular files. */
  contents(paths: readonly string[]): Promise<Result<ReadonlyMap<string, string>>>;
  /** The extended attributes of those that have any: hexadecimal values by name. */
  attributes(paths: readonly string[]): Promise<Result<ReadonlyMap<string, Attributes>>>;
  /**
   * What a database of packages says: the status file of dpkg as it is, or a line NAME, VERSION, ARCHITECTURE for each
   * package of rpm, with tabs between them. The files are the database's, as `list` gave them.
   */
  packages(database: PackageDatabase, files: readonly string[]): Promise<Result<string>>;
  /** Copies a file out, or the name to which a link leads; other types are not copied. The image's links are followed up to it. */
  copy(path: string): Promise<Result<{ readonly type: FileState['type'] | 'absent'; readonly file: string }>>;
  close(): Promise<Result<void>>;
}

/** A file, directory or other thing in a file system. */
export interface Entry extends FileState {
  /** Absolute in the image. */
  readonly path: string;
  /** The number of the file system as it is mounted now. All names of one file have this and the inode in common. */
  readonly fileSystem: string;
  readonly inode: string;
  /** How many names it has. */
  readonly names: number;
  readonly modified: Time;
  /** Of the inode. Undefined where the file system lets programs set it. */
  readonly changed: Time | undefined;
}

/** Seconds since 1970, with all the digits that the file system keeps. */
export type Time = string;

export type Attributes = Readonly<Record<string, string>>;
