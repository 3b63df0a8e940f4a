// The vm backend: disks are attached in a virtual machine that an ordinary user starts, in which the root shells are too.

import { mkdirSync } from 'node:fs';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { Backend } from '../attach/backend.ts';
import { removeTree } from '../process/remove-tree.ts';
import { isInstalled, missingTool } from '../process/run.ts';
import { CarriedFiles } from './carried.ts';
import { attachToGuest } from './disks.ts';
import { type Guest, type GuestOptions, QEMU, startGuest } from './guest.ts';
import { missingTools } from './initramfs.ts';
import { checkArchitecture, findKernel } from './kernel.ts';
import { guestOf, openGuestRun } from './shell.ts';

/** The backend with one guest for all runs, which is started by the first. */
export function vmBackend(options: GuestOptions): Backend {
  const guests = new Guests(options);
  return {
    name: 'vm',
    check: async () => check(options),
    openRun: async (directory) => {
      const { stopped } = guests;
      const leave = await guests.enter();
      const guest = stopped.aborted
        ? fail('interrupted', 'the virtual machine was ended')
        : await guests.running(directory);
      const run = guest.ok ? await openGuestRun(guest.value) : guest;
      if (run.ok) void run.value.shell.ended.then(leave);
      else leave();
      return run;
    },
    attach: ({ shell }, image, access, sectorSize) =>
      attachToGuest(guestOf(shell), shell, image, access, sectorSize),
    lend: undefined,
    carrier: (run, directory) => new CarriedFiles(guestOf(run.shell), run, directory),
    close: () => guests.close(),
  };
}

function check({ kernel }: GuestOptions): Result<void> {
  const here = checkArchitecture();
  if (!here.ok) return here;
  for (const tool of [QEMU, ...missingTools()]) if (!isInstalled(tool)) return missingTool(tool);
  const found = findKernel(kernel);
  return found.ok ? ok() : found;
}

/** A guest has room for thirty ports, of which a run takes two to five, and for about as many disks. */
const MOST_RUNS = 6;

/** The guest that runs, if one does. */
class Guests {
  readonly #options: GuestOptions;
  #runs = 0;
  readonly #waiting: (() => void)[] = [];
  #guest: Promise<Result<Guest>> | undefined;
  #starting: Promise<Result<Guest>> | undefined;
  #directory = '';
  #ending: Promise<void> = Promise.resolve();
  #stop = new AbortController();

  constructor(options: GuestOptions) {
    this.#options = options;
  }

  /** Aborted by the next `close`. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  /** Waits for a place in the guest. Returns the function that leaves it. */
  async enter(): Promise<() => void> {
    if (this.#runs >= MOST_RUNS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#runs++;
    return () => {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#runs--;
    };
  }

  /** @param directory of the run that asks first: the guest's own is beside it */
  async running(directory: string): Promise<Result<Guest>> {
    const known = await this.#guest;
    if (known?.ok && !known.value.hasEnded) return known;
    // One that has ended, or did not start, is replaced by whichever run asks first.
    this.#starting ??= this.#start(directory);
    try {
      return await this.#starting;
    } finally {
      this.#starting = undefined;
    }
  }

  async #start(directory: string): Promise<Result<Guest>> {
    await this.#end();
    this.#directory = `${directory}-vm`;
    try {
      mkdirSync(this.#directory, { mode: 0o700 });
    } catch (error) {
      return failAt(this.#directory, 'cannot create the directory of the virtual machine', error);
    }
    this.#guest = startGuest(this.#directory, this.#options, this.#stop.signal);
    return await this.#guest;
  }

  /** Ends the guest, also while it boots. */
  async close(): Promise<void> {
    const stop = this.#stop;
    this.#stop = new AbortController();
    stop.abort();
    await this.#end();
  }

  /** Once for each guest, also if it is called twice; each call waits until it has ended. */
  #end(): Promise<void> {
    const [guest, directory] = [this.#guest, this.#directory];
    this.#guest = undefined;
    this.#directory = '';
    this.#ending = this.#ending.then(async () => {
      const started = await guest;
      if (started?.ok) await started.value[Symbol.asyncDispose]();
      if (directory !== '') await removeTree(directory);
    });
    return this.#ending;
  }
}
