// Downloads an artifact into the local store, where it is checked before it has a name.

import { MAIN_DISK } from '../../model/artifact.ts';
import type { Store } from '../../model/ports/store.ts';
import { systemError } from '../../util/errors.ts';
import type { Bucket, FoundRecord } from '../bucket/bucket.ts';
import type { OnTransfer } from './traffic.ts';

export type Received =
  /** The bytes that were transferred. */
  | { readonly type: 'here'; readonly bytes: number }
  /** `why` is undefined where that is known or needs no words. */
  | { readonly type: 'damaged' | 'unreachable'; readonly why: string | undefined };

/** Fetches the artifact of a record. Never throws. */
export async function receive(
  found: FoundRecord,
  bucket: Bucket,
  { local, flush }: { readonly local: Pick<Store, 'draft' | 'has'>; readonly flush: boolean },
  onTransfer: OnTransfer,
  signal: AbortSignal,
): Promise<Received> {
  const drafted = await local.draft();
  if (!drafted.ok) return { type: 'unreachable', why: drafted.failure.message };
  await using draft = drafted.value;
  try {
    const { record, scope } = found;
    const { keeping, disks } = record.artifact;
    let [done, transferred] = [0, 0];
    for (const disk of disks) {
      const isMain = disk.name === MAIN_DISK;
      // That of the parent is here already where the layer did not change it.
      if (!isMain && (await local.has({ keeping, disks: [disk] }))) continue;
      const file = isMain ? draft.path : draft.further(disk.name);
      const progress: OnTransfer = (bytes) => onTransfer(done + bytes);
      const received = await bucket.receive(scope, disk, file, progress, signal);
      if (signal.aborted) return { type: 'unreachable', why: undefined };
      if (!received.ok) {
        const { kind, message } = received.error;
        if (kind === 'absent') return { type: 'damaged', why: `its artifact ${message}` };
        return { type: 'unreachable', why: message };
      }
      done += disk.bytes;
      transferred += received.value;
    }
    const adopted = await draft.adopt(record, { flush, signal });
    if (adopted.ok) return { type: 'here', bytes: transferred };
    const { kind, message } = adopted.failure;
    if (kind === 'work') return { type: 'damaged', why: message };
    return { type: 'unreachable', why: kind === 'interrupted' ? undefined : message };
  } catch (error) {
    return { type: 'unreachable', why: systemError(error).message };
  }
}
