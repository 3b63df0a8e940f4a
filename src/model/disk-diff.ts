// The differences between the systems on two disks. Pure data: `vlb diff` computes it and prints it as text or JSON.

export interface DiskDiff {
  /** What was compared, by the name that the user gave: `10_base`, `old.qcow2`. */
  readonly before: string;
  readonly after: string;
  /** By name. */
  readonly packages: readonly PackageDifference[];
  /** The largest first. */
  readonly files: readonly FileDifference[];
  /** What could not be compared, and why. */
  readonly notes: readonly string[];
}

export interface FileDifference {
  readonly change: 'added' | 'removed' | 'changed';
  /** Absolute in the image. A byte that is not UTF-8 is a lone surrogate, see src/util/file-name.ts. */
  readonly path: string;
  /** Bytes of the content that was added, removed or changed. */
  readonly bytes: number;
  readonly before?: FileState;
  readonly after?: FileState;
  /** What differs, in a file that is in both. */
  readonly what: readonly Alteration[];
  /** Another name of the same file, under which its bytes are counted. */
  readonly linkOf?: string;
}

export type FileType =
  | 'file'
  | 'directory'
  | 'link'
  | 'block device'
  | 'character device'
  | 'fifo'
  | 'socket'
  | 'unknown';

export interface FileState {
  readonly type: FileType;
  /** Octal, four digits: `0644`. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** The target of a symbolic link. */
  readonly target?: string;
  /** Major and minor number of a device: `8:1`. */
  readonly device?: string;
  /** Extended attributes, ACLs and capabilities of a file that was added or removed, by name; the values are hexadecimal. */
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface Alteration {
  readonly aspect: 'type' | 'content' | 'mode' | 'owner' | 'link target' | 'device number' | 'attribute';
  /** Which extended attribute: `security.capability`. */
  readonly name?: string;
  /** Attributes' values are hexadecimal. */
  readonly before?: string;
  readonly after?: string;
}

export interface PackageDifference {
  readonly change: 'added' | 'removed' | 'upgraded' | 'downgraded';
  readonly database: PackageDatabase;
  readonly name: string;
  readonly architecture: string;
  readonly before?: string;
  readonly after?: string;
}

export const PACKAGE_DATABASES = ['dpkg', 'rpm', 'apk'] as const;
export type PackageDatabase = (typeof PACKAGE_DATABASES)[number];
