// A disk whose power can be cut at any moment: every write and flush that reaches it is logged, and put together again as
// a disk may be afterwards. The log is that of QEMU's driver blklogwrites, in the format of the kernel's dm-log-writes
// (Documentation/admin-guide/device-mapper/log-writes.rst).

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { asRoot, runAsRoot } from './root.ts';

const SECTOR = 512;
/** Written or lost as a whole: what a disk does not tear. */
const PIECE = 4096;
const [FLUSH, FUA, DISCARD] = [1, 2, 4];
/** A journal that is committed every second: what nobody flushes becomes visible soon. */
const MOUNT = 'commit=1,noatime';

interface Entry {
  /** Bytes from the disk's beginning. */
  readonly at: number;
  readonly length: number;
  readonly flags: number;
  /** Where its data is in the log, bytes. */
  readonly data: number;
}

/** An ext4 file system on such a disk, mounted over a directory until it is disposed of. */
export class LoggedDisk implements Disposable {
  readonly #directory: string;
  readonly #files: string;
  readonly #daemon: ChildProcess;
  readonly #device: string;

  /**
   * @param directory where it is mounted
   * @param files a directory for what it consists of
   */
  constructor(directory: string, files: string) {
    this.#directory = directory;
    this.#files = files;
    for (const name of ['start', 'disk', 'log']) writeFileSync(this.#file(name), '');
    truncateSync(this.#file('start'), 96 * 1024 ** 2);
    execFileSync('mkfs.ext4', [
      ...['-q', '-m', '0', '-J', 'size=4', '-E', 'lazy_itable_init=0,lazy_journal_init=0,nodiscard'],
      this.#file('start'),
    ]);
    copyFileSync(this.#file('start'), this.#file('data'));
    truncateSync(this.#file('log'), 2 * 1024 ** 3); // which it never fills
    const node = (options: object) => ['--blockdev', JSON.stringify(options)];
    const file = (name: string) => ({ driver: 'file', 'node-name': name, filename: this.#file(name) });
    const logged = { driver: 'blklogwrites', 'node-name': 'disk', file: 'data', log: 'log' };
    const exported = {
      ...{ type: 'fuse', id: 'disk', 'node-name': 'disk' },
      ...{ mountpoint: this.#file('disk'), writable: true },
    };
    const [command, args] = asRoot('qemu-storage-daemon', [
      ...node(file('data')),
      ...node(file('log')),
      ...node({ ...logged, 'log-sector-size': SECTOR }),
      ...['--export', JSON.stringify(exported), '--pidfile', this.#file('pid')],
    ]);
    this.#daemon = spawn(command, args, { stdio: 'inherit' });
    for (let tries = 0; !existsSync(this.#file('pid')); tries++) {
      if (tries > 1000) throw new Error('qemu-storage-daemon does not begin');
      execFileSync('sleep', ['0.02']);
    }
    this.#device = runAsRoot('losetup', '--find', '--show', this.#file('disk')).trim();
    runAsRoot('mount', '-o', MOUNT, this.#device, directory);
    runAsRoot('chmod', '1777', directory);
  }

  /** Makes everything durable, and returns how much is in the log then. */
  sync(): number {
    runAsRoot('sync', '--file-system', this.#directory);
    return this.entries().length;
  }

  /** All that was written and flushed by now, in order. */
  entries(): readonly Entry[] {
    const log = openSync(this.#file('log'), 'r');
    try {
      const entries: Entry[] = [];
      // The first sector is the log's own.
      for (let at = SECTOR; ; ) {
        const header = Buffer.alloc(32);
        readSync(log, header, 0, 32, at);
        const [sector, count, flags] = [0, 8, 16].map((field) => Number(header.readBigUInt64LE(field)));
        if (sector === undefined || count === undefined || flags === undefined) return entries;
        if (count === 0 && flags === 0) return entries;
        at += SECTOR;
        const length = count * SECTOR;
        entries.push({ at: sector * SECTOR, length, flags, data: at });
        if ((flags & DISCARD) === 0) at += length;
      }
    } finally {
      closeSync(log);
    }
  }

  /** Unmounts it and takes it off the machine; what was logged stays. */
  end(): void {
    runAsRoot('umount', this.#directory);
    runAsRoot('losetup', '--detach', this.#device);
    runAsRoot('kill', runAsRoot('cat', this.#file('pid')).trim()); // a file of root's
  }

  /**
   * Makes a file of the disk as it may be when the power is cut after so many entries: all up to the last flush is there, and
   * of what was written after it whatever `survives` says, piece by piece.
   */
  cutAfter(count: number, target: string, survives: () => boolean): void {
    const entries = this.entries().slice(0, count);
    const flushed = entries.findLastIndex(({ flags }) => (flags & FLUSH) !== 0);
    copyFileSync(this.#file('start'), target);
    const log = openSync(this.#file('log'), 'r');
    const disk = openSync(target, 'r+');
    try {
      for (const [index, { at, length, flags, data }] of entries.entries()) {
        const isDurable = index < flushed || (flags & FUA) !== 0;
        for (let done = 0; done < length; done += PIECE) {
          const size = Math.min(PIECE, length - done);
          if (!isDurable && !survives()) continue;
          const piece = Buffer.alloc(size); // what is discarded is read as zeros
          if ((flags & DISCARD) === 0) readSync(log, piece, 0, size, data + done);
          writeSync(disk, piece, 0, size, at + done);
        }
      }
    } finally {
      closeSync(log);
      closeSync(disk);
    }
  }

  [Symbol.dispose](): void {
    if (this.#daemon.exitCode !== null || this.#daemon.signalCode !== null) return;
    try {
      this.end();
    } catch {
      this.#daemon.kill();
    }
  }

  #file(name: string): string {
    return path.join(this.#files, name);
  }
}

/**
 * What e2fsck finds wrong in the file system of a disk once its journal was replayed; '' when it is clean. The disk stays as
 * it is.
 */
export function checkAfterReplay(disk: string): string {
  const copy = `${disk}.copy`;
  copyFileSync(disk, copy);
  try {
    execFileSync('e2fsck', ['-y', '-E', 'journal_only', copy], { stdio: 'pipe' });
    execFileSync('e2fsck', ['-fn', copy], { stdio: 'pipe' });
    return '';
  } catch (error) {
    return String((error as { stdout?: Buffer }).stdout ?? error); // execFileSync's error carries the output
  } finally {
    rmSync(copy);
  }
}

/**
 * A disk of `cutAfter` with the power on again: mounted over a directory until it is disposed of, and then gone. Whoever on
 * this machine makes a mount namespace meanwhile keeps it mounted there, so no two may be in one file.
 */
export class CutDisk implements Disposable {
  readonly #disk: string;
  readonly #directory: string;

  /** Throws what mount(8) says when the journal cannot be replayed. */
  constructor(disk: string, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
    runAsRoot('mount', '-o', `loop,${MOUNT}`, disk, directory);
  }

  [Symbol.dispose](): void {
    runAsRoot('umount', this.#directory);
    rmSync(this.#disk);
  }
}

/** Numbers from 0 up to 1, the same for the same seed: mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
