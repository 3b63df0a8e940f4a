// Boots two copies of an image, and compares what should tell two machines apart.

import { randomUUID } from 'node:crypto';
import { ok, type Result } from '../../model/failure.ts';
import {
  type BootListener,
  DEFAULT_MEMORY_MIB,
  type ImageBooter,
  type MachineOptions,
  type NetworkCard,
  type TwoCopies,
} from '../../model/ports/booter.ts';
import { compareIdentities, IDENTITY_SCRIPT } from './guest/identity.ts';

/** What QEMU itself takes of a guest's memory and beside it, and what is left for others, MiB. */
const RESERVE_MIB = 512;

/**
 * The port's `twice`, by its `check`.
 * @param available free memory of this machine, MiB
 */
export async function bootTwice(
  check: ImageBooter['check'],
  options: MachineOptions,
  { timeout }: { readonly timeout?: number | undefined },
  listener: BootListener,
  signal: AbortSignal,
  available = process.availableMemory() / 2 ** 20,
): Promise<Result<TwoCopies>> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const read = async (copy: number): Promise<Result<string>> => {
    let output = '';
    const commandOutput: BootListener['commandOutput'] = ({ stdout }) => {
      output = Buffer.from(stdout).toString();
    };
    const own = copy === 0 ? { ...listener, commandOutput } : { note() {}, console() {}, commandOutput };
    const booted = await check(copyOf(options, copy), { timeout, commands: [IDENTITY_SCRIPT] }, own, either);
    if (!booted.ok) stop.abort();
    return booted.ok ? ok(output) : booted;
  };
  const needed = 2 * ((options.memoryMiB ?? DEFAULT_MEMORY_MIB) + RESERVE_MIB);
  const atOnce = needed <= available;
  listener.note(
    atOnce ? 'booting two copies' : 'booting two copies, one after the other: there is no memory for both',
  );
  const first = read(0);
  const alone = atOnce ? undefined : await first;
  if (alone?.ok === false) return alone;
  const [one, other] = await Promise.all([first, read(1)]);
  // The copy that failed, not the one that was stopped because of it.
  const failed = [one, other].filter((result) => !result.ok);
  const cause = failed.find((result) => result.failure.kind !== 'interrupted') ?? failed[0];
  if (cause) return cause;
  return ok(compareIdentities(one.ok ? one.value : '', other.ok ? other.value : ''));
}

/** The same machine as another one of its kind: clones have their own UUIDs and MAC addresses. */
function copyOf(options: MachineOptions, copy: number): MachineOptions {
  const cards: readonly NetworkCard[] = options.cards ?? [{ model: 'virtio' }];
  return {
    ...options,
    uuid: randomUUID(),
    cards: cards.map(({ model }, card) => ({
      model,
      mac: `52:54:00:00:${hexByte(copy + 1)}:${hexByte(card + 1)}`,
    })),
  };
}

function hexByte(number: number): string {
  return number.toString(16).padStart(2, '0');
}
