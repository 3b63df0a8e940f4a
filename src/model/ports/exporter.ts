// The port of exports: one format turns the disks of a machine into files that another program takes. What a format does not
// do is decide whether it has to, or put the files in place: src/execute/export/ does that for all of them.

import type { Failure, Result } from '../failure.ts';
import type { FormatName } from '../machine/format.ts';
import type { Machine } from '../machine/machine.ts';
import type { ConvertTo, Images, MountOptions, Packings } from './machine.ts';
import type { DiskImage, DiskViewer } from './viewer.ts';

export interface Exporter {
  /** Part of the key of its exports: increased when it writes something else from the same machine and options. */
  readonly version: number;
  /** Whether what it writes depends on more of the machine than its name and its disks. */
  readonly describesMachine: boolean;
  /** Whether it makes files that others with this share, see `ExportJob.share`. */
  readonly shares?: true;
  /** Why the format cannot hold a machine: asked before anything is built, and again when all is known. */
  readonly refusal?: ExporterRefusal;
  /** Writes the files. Fails as `host`, or as `interrupted` on the signal; partial files are removed by the caller. */
  write(job: ExportJob): Promise<Result<void>>;
}

export type ExporterRefusal = (proposal: Proposal) => Failure | undefined;

/** What is known of an export before it begins. */
export interface Proposal extends Pick<ExportJob, 'machine' | 'options'> {
  /** The system disk first. */
  readonly disks: readonly [ProposedDisk, ...ProposedDisk[]];
}

export interface ProposedDisk extends Pick<ExportDisk, 'name'> {
  /** Virtual size, bytes; undefined while it is not known. */
  readonly size: number | undefined;
  /** Whether it has no files of its own: it is empty, or a further disk of the system's image, whose files the system mounts. */
  readonly isEmpty: boolean;
}

/** One export, as its format sees it. */
export interface ExportJob {
  readonly machine: Machine;
  /** The system disk first. */
  readonly disks: readonly [ExportDisk, ...ExportDisk[]];
  /** All options of the format, with their defaults. */
  readonly options: Readonly<Record<string, string>>;
  /** Absolute path of an empty directory, for the files that are exported and no others. */
  readonly directory: string;
  /** Absolute path of a directory for other files, which is removed afterwards. */
  readonly scratch: string;
  /**
   * Shows the file systems of disks, to all exports of a run. Opened when it is first used. Fails as `host` without what
   * running layers needs.
   */
  readonly viewer: () => Promise<Result<DiskViewer>>;
  readonly signal: AbortSignal;
  /**
   * Writes a disk with all its backing files to a file, as `Images.convert` does. What an earlier export of the same run wrote
   * in the same way is copied. Fails as `host`, or as `interrupted`.
   */
  readonly convert: (disk: ExportDisk, target: string, to: ConvertTo) => Promise<Result<void>>;
  /**
   * Makes a file in the scratch directory, which is only read afterwards; or has it from an earlier export of the same machine and run that
   * made one of that name. Fails as `make` does.
   * @param name says all that the file depends on
   */
  readonly share: (name: string, target: string, make: () => Promise<Result<void>>) => Promise<Result<void>>;
  /** @param part how much of the work is done, from 0 to 1 */
  readonly onProgress: (part: number) => void;
  /** Called where a directory of the export has files that may belong to root: the manifest does not list them. */
  readonly onTree: (tree: ExportedTree) => void;
}

export interface ExportedTree {
  /** Of its directory, without a path. */
  readonly name: string;
  /** What it takes on disk. */
  readonly bytes: number;
}

export interface ExportDisk {
  /** `main` for the system disk. */
  readonly name: string;
  /** Absolute path of the top of its chain, in qcow2 format. */
  readonly source: string;
  /** What identifies its bytes, together with its size: the digest of its artifact, or a word for an empty disk. */
  readonly content: string;
  /** Virtual size, bytes. */
  readonly size: number;
  /** What its chain takes on disk, bytes. */
  readonly bytes: number;
  /** Undefined for an empty disk, and for a further one of the system's image. */
  readonly system?: ExportSystem;
}

/** What is on a disk. */
export interface ExportSystem {
  /** What it was built from, the lowest first; the last one is the disk as it is exported. */
  readonly layers: readonly ExportLayer[];
  /** How it is mounted: as the script of the last layer sees it. */
  readonly mount: MountOptions;
}

/** A disk as one layer left it. */
export interface ExportLayer {
  /** Of the layer, or of the base. */
  readonly name: string;
  readonly image: DiskImage;
  /** Whether it was made by changing files in the mounted system of the layer below. */
  readonly isDescendant: boolean;
}

/** An exporter for each format. */
export type Exporters = Readonly<Record<FormatName, Exporter>>;

/** What exporters need of this machine. */
export interface ExportTools {
  readonly images: Pick<Images, 'create'>;
  readonly packer: Packer;
  readonly packings: Pick<Packings, 'decompress'>;
  readonly media: Media;
}

/** What systems that run from memory are made with. */
export interface Media {
  /** The path of a busybox without libraries. Fails as `host`. */
  busybox(): Result<string>;
  /**
   * Writes all that is in a directory to an initramfs: owners and times are fixed, which those of the files become, too. Fails as
   * `host`.
   */
  initramfs(directory: string, target: string, signal: AbortSignal): Promise<Result<void>>;
  /**
   * Writes an ISO image with all that is in a directory, which boots by BIOS and UEFI what its boot/grub/grub.cfg says; from a disk
   * as well as from a disc. Its times are fixed. Fails as `host`.
   */
  iso(content: IsoContent, target: string, signal: AbortSignal): Promise<Result<void>>;
}

export interface IsoContent {
  readonly directory: string;
  /** Its volume identifier, at most 32 capital letters, digits and underscores. */
  readonly label: string;
  /** The name of a file in it by which GRUB finds it, whatever else is attached. */
  readonly mark: string;
  /** Absolute path of a directory for other files. */
  readonly scratch: string;
}

export interface Packer {
  /**
   * Compresses a file, with all processors; the result depends on its bytes alone. Fails as `host`.
   * @param onProgress receives how much is done, from 0 to 1
   */
  compress(
    format: Compression,
    source: string,
    target: string,
    signal: AbortSignal,
    onProgress: (part: number) => void,
  ): Promise<Result<void>>;
  /**
   * Writes a tar file with one file in GNU's old format, with holes, as Google Compute Engine requires it. Owner and time
   * are fixed. Fails as `host`.
   */
  tarDisk(source: string, target: string, signal: AbortSignal): Promise<Result<void>>;
  /**
   * Writes a tar file with files of a directory, in the order of their names here; in ustar format, unless one is larger than
   * that can hold. Owner and time are fixed. Fails as `host`.
   */
  tarFiles(
    directory: string,
    names: readonly string[],
    target: string,
    signal: AbortSignal,
  ): Promise<Result<void>>;
  /** Writes a tar file in pax format. The same files become the same bytes: their times and modes are fixed. Fails as `host`. */
  tar(content: TarContent, target: string, signal: AbortSignal): Promise<Result<void>>;
}

export interface TarContent {
  readonly directory: string;
  /** Of files and directories in it, relative. What is in a directory is not added with it. */
  readonly names: readonly string[];
  /** The number of the user and the group that they belong to. */
  readonly owner: number;
  /** Without the mark of its end, so that another archive can be appended. */
  readonly isOpen?: boolean;
}

export type Compression = 'gz' | 'xz' | 'zst';

/** The name of a disk's file in an export: `web.qcow2`, and `web.data.qcow2` for a disk `data`. */
export function diskName({ name }: Pick<Machine, 'name'>, disk: ExportDisk, extension: string): string {
  return `${name}${disk.name === 'main' ? '' : `.${disk.name}`}.${extension}`;
}
