// The part of the port of the host that works on files of disks and archives.

import type { Writable } from 'node:stream';
import type { Result } from '../../failure.ts';

/** Files in qcow2 format. Sizes in bytes. */
export interface Images {
  /** Creates an empty delta over a backing file, or an empty disk. `backing` is written to the header as it is. */
  create(
    file: string,
    options: {
      backing?: string;
      backingFormat?: string;
      size?: number;
      /** Whether the backing file is not looked at: it need not exist yet. Requires its size. */
      unseen?: boolean;
    },
  ): Promise<Result<void>>;
  /** Writes what a delta contains to its backing file, without being interrupted. After a failure, it can be done again. */
  commit(file: string): Promise<Result<void>>;
  /** The format of a file, by its own bytes. Throws what opening it throws. */
  recognize(file: string): RecognizedFormat;
  /** @param format as QEMU names it; without it QEMU guesses, so the file must be one of vlb or of its user */
  info(file: string, format?: string): Promise<Result<ImageInfo>>;
  /**
   * Whether a file contains everything that it refers to, as far as its format has a check; leaked clusters are ignored.
   * Reads its tables, not its data.
   */
  isConsistent(file: string, format: string, signal: AbortSignal): Promise<Result<boolean>>;
  /** The bytes of any file, in pieces; its holes are not read. Throws what opening it throws. */
  read(file: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
  /** SHA-256 of any file in hexadecimal digits; its holes are not read. Throws node's fs errors, and the reason of the signal. */
  digest(file: string, signal: AbortSignal): Promise<string>;
  /** A stream that creates a file, or replaces it, with holes in place of zeros. */
  write(file: string): Writable;
  /** Grows a disk. What is on it stays as it is. @param size in bytes */
  resize(file: string, size: number): Promise<Result<void>>;
  /** Changes the reference to the backing file, not the content. */
  setBacking(file: string, backing: string): Promise<Result<void>>;
  /**
   * Makes another image of its backing chain the backing file of a delta, which then has what was changed in between too.
   * @param backing as the header is to name it
   */
  rebase(file: string, backing: string, signal: AbortSignal): Promise<Result<void>>;
  /**
   * Rewrites a delta without the holes of discarded clusters, if there are enough of them to save space.
   * @param backing its backing file as its header names it; undefined without one
   */
  compact(file: string, backing: string | undefined, signal: AbortSignal): Promise<Result<void>>;
  /** Writes an image with all its backing files to one flat file: qcow2, if `to` names no other format. */
  convert(
    source: string,
    format: string,
    target: string,
    signal: AbortSignal,
    to?: ConvertTo,
  ): Promise<Result<void>>;
}

/** What `qemu-img convert` writes. */
export interface ConvertTo {
  /** As QEMU names it. */
  readonly format: string;
  /** `NAME=VALUE` each, see qemu-img(1). None may contain a comma. */
  readonly options?: readonly string[];
  readonly compress?: boolean;
  /** A UUID for the identifier in the file, in the place of a random one: of vdi and vmdk. */
  readonly identity?: string;
  /** @param part how much is done, from 0 to 1 */
  readonly onProgress?: (part: number) => void;
}

/** A file that is taken for a disk, and is none. */
export interface ForeignFile {
  /** `a PDF document` */
  readonly what: string;
  /** What to do; undefined where there is nothing but to use another file. */
  readonly hint?: string;
}

export interface RecognizedFormat {
  /** As QEMU names it. */
  readonly format: string;
  /** What it refers to outside of itself, if that is certain. */
  readonly missing?: string;
  /** What a file is that is taken for a raw disk, and certainly is none. */
  readonly foreign?: ForeignFile;
  /** Whether it is certain that it refers to data beyond its end. */
  readonly isTruncated: boolean;
  /** Whether QEMU cannot write it. */
  readonly isReadOnly: boolean;
}

export interface ImageInfo {
  readonly format: string;
  readonly virtualSize: number;
  readonly backing: string | undefined;
  readonly externalData: boolean;
  readonly encrypted: boolean;
}

/** Compressed files and archives. They fail as `host` with what the tool for them printed. */
export interface Packings {
  /** Decompresses a file, in however many streams or frames it is. Throws node's stream errors for `gz`. */
  decompress(
    format: 'gz' | 'zst' | 'lz4' | 'xz' | 'lzma' | 'bz2',
    source: string,
    target: string,
    signal: AbortSignal,
  ): Promise<Result<void>>;
  /** The names of the regular files in an archive, in its order. */
  list(format: Archive, source: string, signal: AbortSignal): Promise<Result<readonly string[]>>;
  /** Writes a file of an archive to another place. */
  extract(
    format: Archive,
    source: string,
    name: string,
    target: string,
    signal: AbortSignal,
  ): Promise<Result<void>>;
}

type Archive = 'tar' | 'zip';
