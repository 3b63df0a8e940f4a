// The stamp of an artifact: its file's mtime is derived from its digest. Writing to the file or replacing it breaks the
// stamp; then the bytes are read before anything is built on them. Checking a stamp costs a stat(2) that is made
// anyway. It does not detect a disk that returns other bytes than were written: `vlb store verify` reads everything.
//
// A lasting stamp means that the bytes are on the disk. Fetched artifacts are not flushed, which would take longer than
// fetching them. They get a passing stamp, valid for a minute and only until the machine reboots. Later, when the
// kernel has written them out, they are read once and get the lasting stamp; after a power cut, damaged ones are
// fetched again.

import { type Stats, statSync, utimesSync } from 'node:fs';
import type { Digest, DiskReference } from '../../model/artifact.ts';
import { attempt, systemError } from '../../util/errors.ts';
import { digestFile, flushFile } from './durable.ts';

/** The kernel writes out data older than 30 s (vm.dirty_expire_centisecs), checking every 5 s; ms. */
const WRITTEN_AFTER = 60_000;

/** How often a file is read that changes while it is read. */
const ROUNDS = 3;

/** Even seconds, which every file system can store, within 17 years from September 2001. */
function lastingTime(digest: Digest): number {
  return 1_000_000_000 + 2 * hexDigits(digest);
}

/** Odd seconds: never a lasting stamp. */
function passingTime(digest: Digest, boot: string): number {
  return 1_000_000_001 + 2 * (hexDigits(digest) ^ hexDigits(boot));
}

function hexDigits(text: string): number {
  return Number.parseInt(text.slice(0, 7), 16);
}

/** Gives a file whose flushed bytes have this digest its lasting stamp. Throws node's fs errors. */
export function stampDigest(file: string, digest: Digest): void {
  utimesSync(file, lastingTime(digest), lastingTime(digest));
}

/**
 * Gives a file whose unflushed bytes have this digest its passing stamp. Throws node's fs errors.
 * @param boot see `Host.bootId`
 */
export function stampUntilReboot(file: string, digest: Digest, boot: string): void {
  utimesSync(file, passingTime(digest, boot), passingTime(digest, boot));
}

/**
 * Whether a file has the bytes of an artifact: by its stamp, or else by reading them. A file without a valid stamp was
 * copied, touched or fetched, or is older than stamps; if intact it is stamped again, if this user may.
 */
export async function isIntact(
  file: string,
  stat: Stats,
  { digest }: DiskReference,
  bootId: () => string,
): Promise<boolean> {
  let before = stat;
  for (let round = 0; round < ROUNDS; round++) {
    if (before.mtimeMs === lastingTime(digest) * 1000) return true;
    const isFetched = before.mtimeMs === passingTime(digest, bootId()) * 1000;
    if (isFetched && Date.now() - before.ctimeMs < WRITTEN_AFTER) return true;
    try {
      const found = await digestFile(file, NEVER);
      const isFlushed = found === digest && (await tryFlush(file));
      const now = statSync(file);
      if (now.mtimeMs === before.mtimeMs) {
        if (isFlushed) attempt(() => stampDigest(file, digest)); // another user's file is read again next time
        return found === digest && isFlushed !== undefined;
      }
      before = now; // stamped or modified by another process in the meantime
    } catch {
      return false; // it cannot be read
    }
  }
  return false;
}

/** Flushes a file: false where the file system does not support it, undefined when the disk failed. */
async function tryFlush(file: string): Promise<boolean | undefined> {
  try {
    await flushFile(file, NEVER);
    return true;
  } catch (error) {
    const { code = '' } = systemError(error);
    return ['EIO', 'ENOSPC', 'EDQUOT'].includes(code) ? undefined : false;
  }
}

const NEVER = new AbortController().signal;
