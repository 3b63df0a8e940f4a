// The port of test boots: what can be asked of a machine that runs an image, and what is told about it.

import type { Result } from '../failure.ts';

export interface ImageBooter {
  /**
   * Boots an image with the terminal on its serial console, until the guest powers off or `^a x` leaves.
   * How to leave is told through `listener.note` first.
   */
  interact(
    machine: MachineOptions,
    listener: Pick<BootListener, 'note'>,
    signal: AbortSignal,
  ): Promise<Result<void>>;
  /**
   * Boots an image without a terminal, waits until it is ready, and runs a command in it when there is one.
   * Fails as `work` with the console's last lines when the guest panics, stops in an emergency shell, ends, does not
   * get ready in time, or when the command fails (then with its `exitStatus`).
   */
  check(
    machine: MachineOptions,
    check: CheckOptions,
    listener: BootListener,
    signal: AbortSignal,
  ): Promise<Result<BootReport>>;
  /** The project's own seed directory, `test-boot`, when it has a user-data; for `MachineOptions.seed`. */
  defaultSeed(project: string): string | undefined;
}

export interface MachineOptions {
  /** A qcow2 or raw disk. Neither it nor its directory is written to. */
  readonly image: string;
  /** Default `auto`. */
  readonly accelerator?: AcceleratorChoice | undefined;
  /** Default {@link DEFAULT_MEMORY_MIB}. */
  readonly memoryMiB?: number | undefined;
  /** Default two, or one on a host that has one. */
  readonly cpus?: number | undefined;
  /** Default a user network without forwards. */
  readonly network?: Network | undefined;
  /** A directory with a user-data, which the guest's cloud-init gets as its NoCloud seed. */
  readonly seed?: string | undefined;
}

export type AcceleratorChoice = 'auto' | Accelerator;
export type Accelerator = 'kvm' | 'tcg';

export type Network =
  /** QEMU's own NAT; the guest reaches out, and is reached only through the forwards. */
  | { readonly type: 'user'; readonly forwards: readonly Forward[] }
  | { readonly type: 'none' }
  /** A port on a bridge of the host. */
  | { readonly type: 'bridge'; readonly bridge: string };

/** A TCP port of the host that leads to one of the guest. */
export interface Forward {
  readonly address: string;
  readonly hostPort: number;
  readonly guestPort: number;
}

export interface CheckOptions {
  /** What has to appear on the console; default a login prompt, and with `command` the guest agent's answer. */
  readonly expect?: RegExp | undefined;
  /**
   * A shell command, run by root in the guest through its QEMU guest agent once the guest is ready. The agent may be up
   * before the services that the command looks at: a command that needs one has to wait for it.
   */
  readonly command?: string | undefined;
  /**
   * Seconds for everything together, taken as it is. Default {@link DEFAULT_TIMEOUT_S}, times
   * {@link TCG_TIMEOUT_FACTOR} without KVM.
   */
  readonly timeout?: number | undefined;
}

export interface BootListener {
  /** A line for the person who waits: which accelerator and why, how to leave. */
  note(line: string): void;
  /** What the guest wrote to its console, as plain text: no escape sequences, lines end in \n. */
  console(text: string): void;
  /** What the command in the guest wrote, once it has ended and whatever its status. */
  commandOutput(output: CommandOutput): void;
}

/** At most 16 MiB each: more than that the guest agent drops. */
export interface CommandOutput {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

export interface BootReport {
  readonly accelerator: Accelerator;
  /** From QEMU's start until the guest was ready. */
  readonly secondsToReady: number;
  /** From QEMU's start until the end of the check. */
  readonly seconds: number;
  /** The console's text that matched the expectation, if one was waited for. */
  readonly matched: string | undefined;
}

export const DEFAULT_MEMORY_MIB = 1024;

/** Seconds. A server distribution reaches its login prompt in 5 to 30 s under KVM. */
export const DEFAULT_TIMEOUT_S = 120;

/** TCG translates each instruction: a boot takes three to four times as long as under KVM, and more on a busy host. */
export const TCG_TIMEOUT_FACTOR = 4;
