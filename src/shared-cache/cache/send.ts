// Uploads the disks of an artifact from the local store.

import type { ArtifactDisk, Digest } from '../../model/artifact.ts';
import type { Store } from '../../model/ports/store.ts';
import { systemError } from '../../util/errors.ts';
import type { Bucket } from '../bucket/bucket.ts';
import type { OnTransfer } from './traffic.ts';

export type Sent =
  /** The bytes that were transferred. */
  | { readonly type: 'sent'; readonly bytes: number }
  /** `why` is undefined where the bucket has reported it. */
  | { readonly type: 'failed'; readonly why: string | undefined };

/**
 * The disks of an artifact that are not in the bucket; undefined where that is not known.
 * @param sent those that were sent; without it all are missing, since what is there is damaged
 */
export async function missingDisks(
  disks: readonly ArtifactDisk[],
  sent: ReadonlySet<Digest> | undefined,
  bucket: Bucket,
  signal: AbortSignal,
): Promise<readonly ArtifactDisk[] | undefined> {
  if (!sent) return disks;
  const missing: ArtifactDisk[] = [];
  for (const disk of disks) {
    if (sent.has(disk.digest)) continue;
    const there = await bucket.has(disk.digest, signal);
    if (!there.ok) return undefined;
    if (!there.value) missing.push(disk);
  }
  return missing;
}

/** Uploads disks of a cached artifact, one after the other. Never throws. */
export async function sendDisks(
  disks: readonly ArtifactDisk[],
  bucket: Bucket,
  local: Pick<Store, 'read'>,
  onTransfer: OnTransfer,
  signal: AbortSignal,
): Promise<Sent> {
  try {
    let [read, sent] = [0, 0];
    for (const { digest, bytes } of disks) {
      const done = await bucket.send(
        digest,
        (cut) => local.read({ digest, keeping: 'cached' }, cut),
        (progress) => onTransfer(read + progress),
        signal,
      );
      if (!done.ok) return { type: 'failed', why: undefined };
      read += bytes;
      sent += done.value;
    }
    return { type: 'sent', bytes: sent };
  } catch (error) {
    return { type: 'failed', why: `cannot read its artifact: ${systemError(error).message}` };
  }
}
