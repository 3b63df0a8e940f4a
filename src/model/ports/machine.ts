// The port of the host: what running a layer needs from the machine, and nothing of how it is done.

import type { Failure, Result, Where } from '../failure.ts';
import type { PartitionMount } from '../project.ts';
import type { Secret } from '../secret.ts';

export interface Host {
  readonly images: Images;
  /** Whether there are devices for a modify-disk without `disk-size`, which attaches its disk itself. */
  readonly lendsDevices: boolean;
  /** Fails as `host` with the reason and the cure when layers cannot be run here. */
  check(): Promise<Result<void>>;
  /**
   * Everything one layer's run holds on the machine; disposing of it releases what is still held.
   * @param directory an empty directory for the run's own files
   */
  openWorkbench(directory: string): Promise<Result<Workbench>>;
  /** Unpacks a file in .xz format. */
  unpackXz(source: string, target: string, signal: AbortSignal): Promise<Result<void>>;
  /** Whether the process of that name still runs: what a dead one left half done is rubbish. */
  isAlive(owner: string): boolean;
  /** Names this run of the machine: what an earlier one wrote without a flush may be lost. */
  bootId(): string;
  /** Removes what runs left behind that did not end well: loop devices and files below `runs`. */
  clearLeftovers(runs: string): Promise<Result<void>>;
}

/** Files in qcow2 format. Sizes in bytes. */
export interface Images {
  /** An empty delta over a backing file, or an empty disk. `backing` is the reference as it is to stand in the file. */
  create(file: string, options: { backing?: string; size?: number }): Promise<Result<void>>;
  info(file: string): Promise<Result<ImageInfo>>;
  /** Whether all that a qcow2 file refers to is in it; leaked clusters do no harm. Reads its tables, not its data. */
  isConsistent(file: string, signal: AbortSignal): Promise<Result<boolean>>;
  /** Changes the backing reference alone, not the content. */
  setBacking(file: string, backing: string): Promise<Result<void>>;
  /**
   * Writes a delta anew without the holes that discarded clusters left in it, where there are enough of them to be worth it.
   * @param backing what it stands on, as it says itself; undefined when it stands on nothing
   */
  compact(file: string, backing: string | undefined, signal: AbortSignal): Promise<Result<void>>;
  /** One flat qcow2 file of an image and all it stands on. */
  convert(source: string, format: string, target: string, signal: AbortSignal): Promise<Result<void>>;
}

export interface ImageInfo {
  readonly format: string;
  readonly virtualSize: number;
  readonly backing: string | undefined;
  readonly externalData: boolean;
}

export interface Workbench extends AsyncDisposable {
  /** Makes an image a block device. */
  attach(image: string): Promise<Result<Disk>>;
  /**
   * Keeps a device from others until it is detached: one for a script that attaches its disk itself. Only where the host
   * lends devices.
   */
  lendDevice(): Promise<Result<Disk>>;
  /** Flushes and takes the block device away again. */
  detach(disk: Disk): Promise<Result<void>>;
  /** Finds the operating system on a disk and mounts it, and the partitions asked for inside it. */
  mount(disk: Disk, options: MountOptions): Promise<Result<MountedSystem>>;
  /** Attaches a finished image, read-only, and mounts the system on it at a path of a mounted system. */
  mountLayer(system: MountedSystem, image: string, target: string): Promise<Result<void>>;
  /** Writes to the image what was written to a disk. Fails when something could not be written. */
  flush(disk: Disk): Promise<Result<void>>;
  /** Trims what a modify-disk left on a disk. Fails when something could not be written. */
  trim(disk: Disk): Promise<Result<void>>;
  /** Trims, flushes and unmounts. Fails when something could not be written. */
  unmount(system: MountedSystem): Promise<Result<void>>;
  /** Runs a build-layer, or what a person wants to run in its place. Returns its exit status. */
  runInChroot(system: MountedSystem, script: ChrootScript): Promise<Result<number>>;
  /** Runs a modify-disk, or what a person wants to run in its place. Returns its exit status. */
  runOnHost(script: HostScript): Promise<Result<number>>;
  /** The failure, with the loss of a disk as its cause where that is what happened: a script sees only input/output errors. */
  explain(failure: Failure): Promise<Failure>;
  /** Kills the script that runs, with all that it started; the running call returns its end. What it wrote can be kept. */
  stopScript(): Promise<void>;
  /** Ends whatever runs at once; the running call fails as `interrupted`. */
  kill(): void;
}

export interface Disk {
  /** `/dev/loop0`; its partitions are `/dev/loop0p1` and so on. */
  readonly device: string;
}

export interface MountOptions {
  readonly rootPartition?: number;
  readonly partitionMounts: readonly PartitionMount[];
  /** Where the hint for a target stands, for failures to name. */
  readonly whereOf: (target: string) => Where;
}

export interface MountedSystem {
  readonly root: string;
}

/**
 * Who a script talks to: a function that takes its output, both streams as one, with nothing to read; whoever has vlb's
 * `own` streams; or a person at the `terminal` that vlb has, by way of a terminal of the script's own.
 */
export type Streams = OnOutput | 'own' | 'terminal';

/** Takes what a script prints. Where it returns a promise, the script waits with what comes next until that is settled. */
export type OnOutput = (chunk: Buffer) => Promise<void> | undefined;

interface Script {
  readonly environment: Readonly<Record<string, string>>;
  readonly streams: Streams;
  /** Runs it where there is no network but its own loopback. */
  readonly noNetwork: boolean;
  /** Files that the script finds in the directory that its variable VLB_SECRETS names. */
  readonly secrets: readonly Secret[];
}

export interface ChrootScript extends Script {
  /** Staged copy of the layer's files, to be found at /mnt. */
  readonly inputs: string;
  readonly binds: readonly Bind[];
  /** The program as the chroot knows it, and its arguments. */
  readonly argv: readonly [string, ...string[]];
}

/** A file or directory of the host that appears in the chroot. */
export interface Bind {
  readonly source: string;
  readonly target: string;
  readonly type: 'file' | 'directory';
  /** A private copy, which is given to root with all that is in it; of anything else only the directory itself is. */
  readonly isCopy: boolean;
  /** The hint that asked for it. */
  readonly where: Where;
}

export interface HostScript extends Script {
  /** Staged copy of the layer's files: the working directory. */
  readonly inputs: string;
  readonly argv: readonly [string, ...string[]];
  /** A file that the script may make anew: it is given back to the user that vlb runs as. */
  readonly makes?: string;
  /** A device that was lent and that the script itself attaches; what it leaves attached is detached after it. */
  readonly lent?: Disk;
}
