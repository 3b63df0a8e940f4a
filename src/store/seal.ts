// The seal of an artifact: the time of its file follows from its digest. Whatever writes to the file, or puts another in
// its place, breaks it, and then the bytes are read before anything is built on them. It costs a stat(2) that is made
// anyway. What it cannot show is a disk that gives other bytes than were written: `vlb cache verify` reads everything.

import { statSync, utimesSync } from 'node:fs';
import type { Artifact, Digest } from '../model/artifact.ts';
import { digestFile } from './durable.ts';

/** Even seconds, which every file system can keep, of seventeen years from September 2001. */
function sealTime(digest: Digest): number {
  return 1_000_000_000 + 2 * Number.parseInt(digest.slice(0, 7), 16);
}

/** Seals a file whose bytes have this digest. Throws node's fs errors. */
export function seal(file: string, digest: Digest): void {
  utimesSync(file, sealTime(digest), sealTime(digest));
}

/** Whether nobody wrote to a file since it was sealed. */
export function isSealed(modified: number, digest: Digest): boolean {
  return modified === sealTime(digest) * 1000;
}

/**
 * Reads an artifact whose seal is broken, and seals it again when its bytes are right, where this user may: it was
 * copied, touched, or is of a store from before there were seals. Returns whether they are.
 */
export async function isIntact(file: string, { digest }: Artifact): Promise<boolean> {
  try {
    const before = statSync(file).mtimeMs;
    if ((await digestFile(file, new AbortController().signal)) !== digest) return false;
    if (statSync(file).mtimeMs !== before) return false; // somebody is at it right now
    try {
      seal(file, digest);
    } catch {
      // another user's: it will be read again
    }
    return true;
  } catch {
    return false; // it cannot even be read
  }
}
