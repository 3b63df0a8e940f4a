// The seal of an artifact: the time of its file follows from its digest. Whatever writes to the file, or puts another in
// its place, breaks it, and then the bytes are read before anything is built on them. It costs a stat(2) that is made
// anyway. What it cannot show is a disk that gives other bytes than were written: `vlb cache verify` reads everything.
//
// A seal says that the bytes are on the disk. What was fetched has one for the time being, which counts until the machine
// is started again: flushing it would take longer than fetching it, and after a power cut it can be checked, and fetched
// again. Once the kernel has had time to write it out, flushing costs nothing, and it gets the lasting seal.

import { type Stats, statSync, utimesSync } from 'node:fs';
import type { Artifact, Digest } from '../model/artifact.ts';
import { digestFile, flushFile } from './durable.ts';

/** The kernel writes out what is older than 30 s (vm.dirty_expire_centisecs), looking every 5 s; ms. */
const WRITTEN_AFTER = 60_000;

/** Even seconds, which every file system can keep, of seventeen years from September 2001. */
function sealTime(digest: Digest): number {
  return 1_000_000_000 + 2 * hexDigits(digest);
}

/** Odd seconds: never a lasting seal. */
function passingSealTime(digest: Digest, boot: string): number {
  return 1_000_000_001 + 2 * (hexDigits(digest) ^ hexDigits(boot));
}

function hexDigits(text: string): number {
  return Number.parseInt(text.slice(0, 7), 16);
}

/** Seals a file whose bytes have this digest, and were flushed. Throws node's fs errors. */
export function seal(file: string, digest: Digest): void {
  utimesSync(file, sealTime(digest), sealTime(digest));
}

/**
 * Seals a file whose bytes have this digest, and were not flushed. Throws node's fs errors.
 * @param boot the machine's start, see `Host.bootId`
 */
export function sealForNow(file: string, digest: Digest, boot: string): void {
  utimesSync(file, passingSealTime(digest, boot), passingSealTime(digest, boot));
}

/**
 * Whether a file has the bytes of an artifact: by its seal, or else by reading them; then it is sealed again, where this user
 * may. It was copied, touched, is of a store from before there were seals, or was fetched just before a crash.
 */
export async function isIntact(
  file: string,
  stat: Stats,
  { digest }: Artifact,
  bootId: () => string,
): Promise<boolean> {
  if (stat.mtimeMs === sealTime(digest) * 1000) return true;
  const isFetched = stat.mtimeMs === passingSealTime(digest, bootId()) * 1000;
  if (isFetched && Date.now() - stat.ctimeMs < WRITTEN_AFTER) return true;
  try {
    if (!isFetched && (await digestFile(file, NEVER)) !== digest) return false;
    await flushFile(file, NEVER);
    if (statSync(file).mtimeMs !== stat.mtimeMs) return false; // somebody is at it right now
  } catch {
    return false; // it cannot even be read, or the disk did not take it
  }
  try {
    seal(file, digest);
  } catch {
    // another user's: it will be read again
  }
  return true;
}

const NEVER = new AbortController().signal;
