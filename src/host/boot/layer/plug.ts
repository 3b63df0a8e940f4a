// The port for words is plugged in until the guest opens it: docs/design/booted-layers.md.

import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { PORTS, WORDS_DEVICE } from '../qemu/arguments.ts';
import type { Control } from '../qemu/control.ts';

/** udev reads new rules at most every 3 s, and then needs an event, which a port that is plugged in again is. */
const PLUGGED_MS = 4000;
const LOOK_EVERY_MS = 100;

/**
 * Plugs the port in, again every few seconds, until the guest has it open; then sends the guest a word of it. A guest that opens it while it is
 * taken out gets none, and starts again with the next port.
 * @param pluggedMs how long the guest has before the port is taken out
 */
export async function plugUntilOpen(
  control: Control,
  words: Writable,
  over: AbortSignal,
  { pluggedMs = PLUGGED_MS }: { readonly pluggedMs?: number } = {},
): Promise<void> {
  while (!over.aborted) {
    control.plug(WORDS_DEVICE);
    for (let waited = 0; waited <= pluggedMs && !over.aborted; waited += LOOK_EVERY_MS) {
      if (control.hasOpened(PORTS.words)) {
        words.write('go\n');
        return;
      }
      await delay(LOOK_EVERY_MS, undefined, { signal: over }).catch(() => {}); // rejects on abort
    }
    await control.unplug(PORTS.words);
  }
}
