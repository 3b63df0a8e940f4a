// The port of booted layers: an image that boots to run a script, and powers off; and what all places have where scripts run.

import type { Key } from '../artifact.ts';
import type { Failure, Result, Where } from '../failure.ts';
import type { Secret } from '../project.ts';

/** Where one script runs: what stops it, and what its end means. Disposing of it releases everything that is still in use. */
export interface RunPlace extends AsyncDisposable {
  /** Adds the loss of a disk to a failure as its cause, if that happened: a script sees only input/output errors. */
  explain(failure: Failure): Promise<Failure>;
  /** Kills the running script with everything it started; the running call returns. What it wrote can be kept. */
  stopScript(): Promise<void>;
  /** Kills everything at once; the running call fails as `interrupted`. */
  kill(): void;
}

/** Whose run it is: a virtual machine serves only runs that depend on all that ran in it before. */
export interface RunOwner {
  /** Undefined for one that shares a virtual machine with no other run. */
  readonly key: Key | undefined;
  /** The keys of all that it depends on. */
  readonly below: readonly Key[];
  /** Whether its script runs on the host, or with the host's programs in a virtual machine. */
  readonly usesHostTools?: boolean;
}

/** Programs of this host that scripts call which run with a disk, and those that run beside a chroot. */
export interface NeededTools {
  readonly withDisk: readonly string[];
  readonly beside: readonly string[];
  /** Where LVM or LUKS is wanted for a disk, which takes a kernel that no other run uses; undefined if nowhere. */
  readonly volumes?: Where | undefined;
}

/** Receives a script's output. If it returns a promise, the script's next output waits until that is settled. */
export type OnOutput = (chunk: Buffer) => Promise<void> | undefined;

/** A virtual machine for one script. */
export interface Guest extends RunPlace {
  /**
   * Boots a disk, runs a script in it as root, lets it power off, and returns the script's exit status. What the guest writes is in the
   * disk then. After {@link REBOOT_STATUS} it boots again, and the script runs once more.
   * Fails as `work` with the console's last lines when the guest panics, stops in an emergency shell, does not take the script, or
   * ends before the script does.
   */
  run(script: GuestScript): Promise<Result<number>>;
  /**
   * Runs an installer until the machine is off; the disk is complete then. Fails as `usage` where its disc has no kernel that vlb knows, as `work`
   * with the console's last lines when it panics, reboots or takes too long, and as `host`.
   */
  install(installation: Installation): Promise<Result<void>>;
}

/** An installer of a distribution, and the machine that it runs in. */
export interface Installation {
  readonly from: InstallerFiles;
  /** What it asks, answered: a file that becomes part of its initial ramdisk. */
  readonly answers: { readonly name: string; readonly content: Buffer } | undefined;
  /** Added to the kernel's command line. */
  readonly kernelArguments: string;
  /** An empty qcow2 file, which is written to. */
  readonly disk: string;
  /** MiB. */
  readonly memory: number;
  readonly cpus: number;
  /** Whether the machine has a network card, behind QEMU's own NAT. */
  readonly hasNetwork: boolean;
  /** Seconds. */
  readonly timeout: number;
  /** Receives a line of the console, or of what vlb does. */
  readonly onProgress: (line: string) => void;
}

/** Files of this machine. */
export type InstallerFiles =
  | { readonly type: 'files'; readonly kernel: string; readonly initrd: string }
  /** An ISO image, which stays in the machine's drive. The paths are those in it; without them, they are where distributions have them. */
  | { readonly type: 'disc'; readonly disc: string; readonly kernel?: string; readonly initrd?: string };

export interface GuestScript {
  /** A qcow2 file, which is written to. */
  readonly disk: string;
  /** Likewise. Their serials are their names, see `serialOf`. */
  readonly further: readonly { readonly name: string; readonly file: string }[];
  readonly sectorSize: number | undefined;
  /** MiB. */
  readonly memory: number;
  readonly cpus: number;
  /** Whether the guest has a network card, behind QEMU's own NAT. */
  readonly hasNetwork: boolean;
  /** The unit of systemd that has to be active before the script starts; by default the whole system has to have started. */
  readonly waitFor: string | undefined;
  /** Staged copy of the layer's files: the working directory, at /mnt. */
  readonly inputs: string;
  /** The program, relative to the layer's files. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Files in the directory that the script's variable VLB_SECRETS names, in memory that is never swapped out. */
  readonly secrets: readonly Secret[];
  /** Receives the script's stdout and stderr as one. */
  readonly onOutput: OnOutput;
  /** Receives a line for the user: of the guest's console while it boots, and what vlb does. */
  readonly onProgress: (line: string) => void;
}

/** The serial of a disk with this name: VIRTIO_BLK_ID_BYTES of virtio-blk are 20. */
export function serialOf(name: string): string {
  return name.slice(0, 20);
}

/** The exit status with which a script asks to run again after a reboot. */
export const REBOOT_STATUS = 194;

/** The memory of a guest without a hint, MiB. */
export const GUEST_MEMORY_MIB = 1024;

/** The processors of a guest without a hint: the same everywhere, unlike those of a test boot. */
export const GUEST_CPUS = 2;
