// The stamp of an artifact: the time of its file follows from its digest. Whatever writes to the file, or puts another in
// its place, breaks it, and then the bytes are read before anything is built on them. It costs a stat(2) that is made
// anyway. What it cannot show is a disk that gives other bytes than were written: `vlb cache verify` reads everything.
//
// A stamp says that the bytes are on the disk. What was fetched has one for the time being, which counts until the machine
// is started again, and for a minute: flushing it would take longer than fetching it, and after a power cut it can be read, and
// fetched again. Later, when the kernel has written it out by itself, it is read once, and gets the lasting stamp.

import { type Stats, statSync, utimesSync } from 'node:fs';
import type { Artifact, Digest } from '../../model/artifact.ts';
import { systemError } from '../../util/errors.ts';
import { digestFile, flushFile } from './durable.ts';

/** The kernel writes out what is older than 30 s (vm.dirty_expire_centisecs), looking every 5 s; ms. */
const WRITTEN_AFTER = 60_000;

/** How often a file is looked at that changes while it is read. */
const ROUNDS = 3;

/** Even seconds, which every file system can keep, of seventeen years from September 2001. */
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

/** Stamps a file whose bytes have this digest, and were flushed. Throws node's fs errors. */
export function stampDigest(file: string, digest: Digest): void {
  utimesSync(file, lastingTime(digest), lastingTime(digest));
}

/**
 * Stamps a file whose bytes have this digest, and were not flushed. Throws node's fs errors.
 * @param boot the machine's start, see `Host.bootId`
 */
export function stampUntilReboot(file: string, digest: Digest, boot: string): void {
  utimesSync(file, passingTime(digest, boot), passingTime(digest, boot));
}

/**
 * Whether a file has the bytes of an artifact: by its stamp, or else by reading them; then it is stamped again, where this user
 * may. It was copied, touched, is of a store from before there were stamps, or was fetched.
 */
export async function isIntact(
  file: string,
  stat: Stats,
  { digest }: Artifact,
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
        if (isFlushed) stampIfAllowed(file, digest);
        return found === digest && isFlushed !== undefined;
      }
      before = now; // another process has stamped it meanwhile, or somebody is at it right now
    } catch {
      return false; // it cannot even be read
    }
  }
  return false;
}

/** Whether a file is on the disk; undefined when the disk did not take it. A file system that cannot tell is no disk that fails. */
async function tryFlush(file: string): Promise<boolean | undefined> {
  try {
    await flushFile(file, NEVER);
    return true;
  } catch (error) {
    const { code = '' } = systemError(error);
    return ['EIO', 'ENOSPC', 'EDQUOT'].includes(code) ? undefined : false;
  }
}

function stampIfAllowed(file: string, digest: Digest): void {
  try {
    stampDigest(file, digest);
  } catch {
    // another user's: it will be read again
  }
}

const NEVER = new AbortController().signal;
