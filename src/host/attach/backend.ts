// The backend: how a qcow2 becomes a block device. Two implementations, fuse.ts and nbd.ts, and one contract suite.

import type { Result } from '../../model/failure.ts';
import type { Disk } from '../../model/ports/machine.ts';
import type { RootShell } from '../root/root-shell.ts';

export interface Backend {
  readonly name: 'fuse' | 'nbd';
  /** Fails as `host`, with the cure, when this machine lacks what the backend needs. */
  check(): Promise<Result<void>>;
  /**
   * Makes a qcow2 file a block device, with nodes for its partitions. When the shell ends, however it ends, the
   * device is given back.
   * @param directory an existing directory for the attachment's own files, for it alone
   * @param access default `read-write`
   */
  attach(
    shell: RootShell,
    image: string,
    directory: string,
    access?: 'read-write' | 'read-only',
  ): Promise<Result<AttachedDisk>>;
  /**
   * Gives a device, with nothing attached, that a script may attach by itself with qemu-nbd. It is kept from others until
   * `detach`, or until the shell ends. Undefined for a backend that has none.
   */
  readonly lend: ((shell: RootShell, directory: string) => Promise<Result<AttachedDisk>>) | undefined;
}

export interface AttachedDisk extends Disk {
  /** Who shows the disk, if it ended before anybody told it to. */
  readonly lost?: () => Promise<string | undefined>;
  /** Waits until the kernel has let go of the device and everything written is in the file. */
  detach(): Promise<Result<void>>;
}

/** The options under which a delta is written: flushes wait for the commit, and what is discarded leaves the file. */
export const DELTA_OPTIONS = { discard: 'unmap', cache: { direct: false, 'no-flush': true } } as const;
