// Empties the journals of unmounted ext4 file systems: after a clean unmount nothing reads their blocks again, but up to 64 MB
// of them would stay in every delta.

import { discard, readBytes } from '../root/agent-devices.ts';
import type { RootShell } from '../root/root-shell.ts';
import { unusedJournal } from './ext4-journal.ts';

/** Discards what a journal does not need. If that is not possible, nothing happens: that only costs space. */
export async function emptyJournal(shell: RootShell, device: string): Promise<void> {
  const unused = await unusedJournal((range) => readBytes(shell, device, range));
  if (unused.ok) await discard(shell, device, unused.value);
}
