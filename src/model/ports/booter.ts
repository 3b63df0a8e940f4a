// The port of test boots: booting an image in a virtual machine, and its events.

import type { Result } from '../failure.ts';

export interface ImageBooter {
  /**
   * Boots an image with the terminal on its serial console, until the guest powers off or the user presses `^a x`.
   * First reports through `listener.note` how to leave.
   */
  interact(
    machine: MachineOptions,
    listener: Pick<BootListener, 'note'>,
    signal: AbortSignal,
  ): Promise<Result<void>>;
  /**
   * Boots an image without a terminal, waits until it is ready, and runs commands in it when there are any. Fails as
   * `work` with the console's last lines when the guest panics, stops in an emergency shell, powers off, is not ready
   * in time, or when a command fails (then with its `exitStatus`).
   */
  check(
    machine: MachineOptions,
    check: CheckOptions,
    listener: BootListener,
    signal: AbortSignal,
  ): Promise<Result<BootReport>>;
  /**
   * Boots two copies of an image and compares what identifies a machine in each; both at once where this machine has memory for
   * that. Fails as {@link check} does.
   */
  twice(
    machine: MachineOptions,
    check: Pick<CheckOptions, 'timeout'>,
    listener: BootListener,
    signal: AbortSignal,
  ): Promise<Result<TwoCopies>>;
  /**
   * Boots an image for a console elsewhere. The machine runs until it is disposed of, or the guest powers off. Fails when it cannot be
   * started.
   */
  open(machine: MachineOptions, signal: AbortSignal): Promise<Result<OpenMachine>>;
  /** The project's seed directory, if it has a user-data; for `MachineOptions.seed`. */
  defaultSeed(project: string): string | undefined;
}

/** A machine that runs. Disposing of it ends it, and discards what it wrote. */
export interface OpenMachine extends AsyncDisposable {
  /** Which accelerator is used and why. */
  readonly why: string;
  /** What the guest writes, with its control sequences. It has to be read, or the guest stops. */
  readonly console: AsyncIterable<Uint8Array>;
  /** Types into the serial console. */
  type(text: string): void;
}

/** The directory of a project that has the default seed. */
export const SEED_DIRECTORY = 'test-boot';

/** What two machines from one image have in common, and what not. */
export interface TwoCopies {
  /** What should differ. */
  readonly same: readonly Identity[];
  /** What may be the same on purpose: the host name. */
  readonly notes: readonly Identity[];
  readonly different: readonly Omit<Identity, 'value'>[];
}

/** Something that identifies a machine. */
export interface Identity {
  /** `machine-id`, `SSH host key` */
  readonly what: string;
  /** Its file in the guest, or the command that prints it. */
  readonly file: string;
  /** A digest where it is secret. */
  readonly value: string;
}

export interface MachineOptions {
  /**
   * A disk in any format that QEMU reads, an ISO image, or a directory with the files `vmlinuz`, `initrd` and `cmdline`. Nothing is
   * written to.
   */
  readonly image: string;
  /** Disks in addition to the image: files as for that one, or empty ones. */
  readonly disks?: readonly BootDisk[] | undefined;
  /** Default `auto`. */
  readonly accelerator?: AcceleratorChoice | undefined;
  /** Whether to boot with UEFI an image that has a boot loader for BIOS; one without is booted with UEFI in any case. */
  readonly uefi?: boolean | undefined;
  /** Default {@link DEFAULT_MEMORY_MIB}. */
  readonly memoryMiB?: number | undefined;
  /** Default 2, or 1 on a host with one CPU. */
  readonly cpus?: number | undefined;
  /** Default: a user network without forwards. */
  readonly network?: Network | undefined;
  /** Network cards; default: one of model virtio. */
  readonly cards?: readonly NetworkCard[] | undefined;
  /** Of the firmware's tables; none by default. */
  readonly uuid?: string | undefined;
  /** A directory with a user-data: the NoCloud seed for the guest's cloud-init. */
  readonly seed?: string | undefined;
}

/** A file with the serial that the guest sees, or an empty disk of a size in bytes. */
export type BootDisk = { readonly file: string; readonly serial?: string } | { readonly size: number };

export interface NetworkCard {
  readonly model: string;
  /** Default: QEMU's. */
  readonly mac?: string;
}

export type AcceleratorChoice = 'auto' | Accelerator;
export type Accelerator = 'kvm' | 'tcg';

export type Network =
  /** QEMU's own NAT: the guest can open connections, and is reachable only through the forwards. */
  | { readonly type: 'user'; readonly forwards: readonly Forward[] }
  | { readonly type: 'none' }
  /** A port on one of the host's bridges. */
  | { readonly type: 'bridge'; readonly bridge: string };

/** A TCP port of the host that is forwarded to one of the guest. */
export interface Forward {
  readonly address: string;
  readonly hostPort: number;
  readonly guestPort: number;
}

export interface CheckOptions {
  /** What has to appear on the console. Default: a login prompt, or with `commands` the guest agent's answer. */
  readonly expect?: RegExp | undefined;
  /**
   * Shell commands, run as root by the QEMU guest agent once the guest is ready, one after the other until one fails. The agent may
   * start before the services that a command uses: a command that needs one has to wait for it.
   */
  readonly commands?: readonly string[] | undefined;
  /**
   * Seconds for the whole check, used as given. Default {@link DEFAULT_TIMEOUT_S}, times
   * {@link TCG_TIMEOUT_FACTOR} without KVM.
   */
  readonly timeout?: number | undefined;
}

export interface BootListener {
  /** A line for the user: which accelerator is used and why, how to leave. */
  note(line: string): void;
  /** What the guest wrote to its console, as plain text: no escape sequences, lines end in `\n`. */
  console(text: string): void;
  /** The output of a command in the guest, once it has exited, whatever its status. */
  commandOutput(output: CommandOutput, status: number): void;
}

/** At most 16 MiB each: the guest agent drops the rest. */
export interface CommandOutput {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

export interface BootReport {
  /** From QEMU's start until the guest was ready. */
  readonly secondsToReady: number;
  /** The console text that matched `expect`, if there was one. */
  readonly matched: string | undefined;
}

export const DEFAULT_MEMORY_MIB = 1024;

/** Seconds. A server distribution reaches its login prompt in 5 to 30 s under KVM. */
export const DEFAULT_TIMEOUT_S = 120;

/** TCG translates every instruction: a boot takes three to four times as long as under KVM, longer on a busy host. */
export const TCG_TIMEOUT_FACTOR = 4;
