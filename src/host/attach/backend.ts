// The backend: how a qcow2 becomes a block device. Two implementations, fuse.ts and nbd.ts, and one contract suite. Both
// attach files of this machine to devices of this machine.

import type { Result } from '../../model/failure.ts';
import type { Disk } from '../../model/ports/machine.ts';
import type { RunShell } from '../root/run-shell.ts';

export interface Backend {
  readonly name: 'fuse' | 'nbd' | 'vm';
  /** Fails as `host`, with a hint, when this machine lacks what the backend needs. */
  check(): Promise<Result<void>>;
  /**
   * Makes a qcow2 file a block device, with nodes for its partitions. When the shell ends, in whatever way, the device is
   * released.
   * @param run with an existing directory for the attachment's own files, not shared with another attachment
   * @param access default `read-write`
   * @param sectorSize by default 4096 bytes where the disk's GPT is for that, otherwise 512
   * @param continues whether the disk has to have `continueIn`, if the backend can
   */
  attach(
    run: RunShell,
    image: string,
    access?: 'read-write' | 'read-only',
    sectorSize?: number,
    continues?: boolean,
  ): Promise<Result<AttachedDisk>>;
  /**
   * Reserves an unused device which a script can attach with qemu-nbd. No other run gets it until `detach`, or until the
   * shell ends. Undefined for a backend without such devices.
   */
  readonly lend: ((run: RunShell) => Promise<Result<AttachedDisk>>) | undefined;
}

export interface AttachedDisk extends Disk {
  /** The name of the process that provides the disk, if it ended before `detach`. */
  readonly lost?: () => Promise<string | undefined>;
  /** Lets the disk continue in another file while the file systems at a root and below hold still. */
  readonly continueIn?: (root: string, file: string) => Promise<Result<void>>;
  /** Detaches, and waits until the kernel has released the device and everything written is in the file. */
  detach(): Promise<Result<void>>;
}

/** The options for writing a delta: flushes wait for the commit, and discarded blocks leave the file. */
export const DELTA_OPTIONS = { discard: 'unmap', cache: { direct: false, 'no-flush': true } } as const;
