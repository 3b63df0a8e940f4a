// Assigns network block devices to disks: those given with `--nbd`, each for one disk at a time.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail, type Result } from '../../model/failure.ts';
import { textIfAny } from '../../util/fs.ts';
import type { RootShell } from '../root/root-shell.ts';

/** Why a device is not available, as a sentence. */
export interface Busy {
  readonly busy: string;
}

/** How long a device whose server has ended may stay open in its last user, for example udev. */
const CLOSING_MILLISECONDS = 5000;

/** The devices of one vlb process, and the run that uses each. A run is identified by its root shell. */
export class NbdDevices {
  readonly #devices: readonly string[];
  readonly #users = new Map<string, RootShell>();
  readonly #waiting = new Set<RootShell>();
  #released = Promise.withResolvers<void>();
  /** The last search for a free device; the next one waits for it. */
  #search: Promise<unknown> = Promise.resolve();

  constructor(devices: readonly string[]) {
    this.#devices = devices;
  }

  /**
   * Makes the attempt on one device after the other until one is not busy, and keeps that device for the run until
   * `release`, or until its shell ends. When all are busy, it waits for a device of another run of this vlb, unless those
   * runs all wait as well. Fails as `host` when every device is in use, and as `interrupted` when the shell ends.
   */
  async take<T>(
    shell: RootShell,
    attempt: (device: string) => Promise<Result<T> | Busy>,
  ): Promise<Result<T>> {
    for (;;) {
      const released = this.#released.promise;
      const searched = this.#search.then(() => this.#tryAll(shell, attempt));
      this.#search = searched;
      const taken = await searched;
      if ('ok' in taken) return taken;
      const users = [...this.#users.values()];
      if (!users.some((user) => user !== shell && !this.#waiting.has(user))) {
        return this.#allBusy(taken, users.includes(shell));
      }
      this.#waiting.add(shell);
      const isOver = await Promise.race([released.then(() => false), shell.ended.then(() => true)]);
      this.#waiting.delete(shell);
      if (isOver) return fail('interrupted', 'the wait for a network block device was interrupted');
    }
  }

  /** Makes a device available to others again. */
  release(device: string): void {
    this.#users.delete(device);
    this.#released.resolve();
    this.#released = Promise.withResolvers();
  }

  async #tryAll<T>(
    shell: RootShell,
    attempt: (device: string) => Promise<Result<T> | Busy>,
  ): Promise<Result<T> | readonly string[]> {
    const reasons: string[] = [];
    for (const device of this.#devices) {
      const user = this.#users.get(device);
      if (user !== undefined) {
        reasons.push(
          `${device} is attached to ${user === shell ? "the layer's own disk" : 'the disk of another layer'}`,
        );
        continue;
      }
      const taken = (await connectedBy(device)) ?? (await attempt(device));
      if ('busy' in taken) {
        reasons.push(taken.busy);
        continue;
      }
      if (taken.ok) {
        this.#users.set(device, shell);
        void shell.ended.then(() => {
          if (this.#users.get(device) === shell) this.release(device);
        });
      }
      return taken;
    }
    return reasons;
  }

  #allBusy(reasons: readonly string[], wantsMore: boolean): Result<never> {
    return fail('host', 'all network block devices given with --nbd are in use', {
      detail: reasons,
      hint: wantsMore
        ? 'give more devices with --nbd: a layer needs one for its own disk and one for each layer that it mounts'
        : `give a free one with --nbd, or disconnect an unused one: qemu-nbd --disconnect ${this.#devices[0]}`,
    });
  }
}

/** The process that has connected a device, as the kernel reports it; undefined if the device is free. */
export async function connectedBy(device: string): Promise<Busy | undefined> {
  for (const begun = performance.now(); ; await sleep(10)) {
    const user = serverOf(device);
    if (user === undefined) return undefined;
    const isClosing = !existsSync(`/proc/${user}`);
    if (!isClosing || performance.now() - begun > CLOSING_MILLISECONDS) {
      return { busy: `${device} is connected by process ${user}` };
    }
  }
}

function serverOf(device: string): string | undefined {
  // The file exists only while something is connected.
  return textIfAny(path.join('/sys/block', path.basename(device), 'pid'))?.trim();
}
