// Follows a running machine until the work with it is done, or until it certainly never will be.

import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import type { Result } from '../../model/failure.ts';
import type { ConsoleReader } from './console/reader.ts';
import type { Machine, MachineEnd } from './qemu/machine.ts';
import { pausedByQemu, symptomSeen } from './troubles.ts';

type Failed = Extract<Result<never>, { ok: false }>;

export interface Followed {
  readonly machine: Pick<Machine, 'ended' | 'paused'>;
  readonly console: ConsoleReader;
  /** The directory of what the guest writes, for messages. */
  readonly scratch: string;
  /** The failure of a machine that has ended; undefined where the work itself waits for that. */
  onEnd(end: MachineEnd): Failed | undefined;
}

/** How long to wait for more output after a symptom, so that a panic is shown with its trace, ms. */
const LAST_WORDS_MS = 250;

/**
 * Works with a machine, with a signal for when it is over, whatever its result. Fails as `work` when the guest will never be ready, and
 * as `host` when QEMU itself fails.
 */
export async function followMachine<T>(
  followed: Followed,
  work: (over: AbortSignal) => Promise<Result<T>>,
  signal: AbortSignal,
): Promise<Result<T>> {
  const decided = new AbortController();
  const over = AbortSignal.any([signal, decided.signal]);
  const { machine, console, scratch } = followed;
  try {
    return await Promise.race([
      work(over),
      badSymptom(console, over),
      endOfMachine(followed),
      machine.paused.then((pause) => pausedByQemu(pause, scratch, console.lines())),
    ]);
  } finally {
    decided.abort();
  }
}

async function badSymptom(console: ConsoleReader, over: AbortSignal): Promise<Failed> {
  const sighting = await console.symptom;
  await delay(LAST_WORDS_MS, undefined, { signal: over }).catch(() => {}); // rejects on abort
  return symptomSeen(sighting, console.lines());
}

async function endOfMachine({ machine, console, onEnd }: Followed): Promise<Failed> {
  const end = await machine.ended;
  console.look();
  await setImmediate(); // a goal that the guest's last output reached takes precedence
  const sighting = console.sighting();
  if (sighting) return symptomSeen(sighting, console.lines());
  return onEnd(end) ?? new Promise<never>(() => {});
}
