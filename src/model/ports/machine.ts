// The port of the host: what running a layer needs from the machine.

import type { Result, Where } from '../failure.ts';
import type { PartitionMount, Secret, VolumeId } from '../project.ts';
import type { Guest, NeededTools, OnOutput, RunOwner, RunPlace } from './guest.ts';
import type { Images, Packings } from './host/images.ts';

export type { NeededTools, OnOutput, RunOwner, RunPlace } from './guest.ts';
export type { ConvertTo, ForeignFile, ImageInfo, Images, Packings, RecognizedFormat } from './host/images.ts';

/** What attaches the disks of layers, and runs their scripts: `fuse` and `nbd` on this machine, `vm` in a virtual machine. */
export const BACKENDS = ['fuse', 'nbd', 'vm'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** Which backend a host is to use. */
export interface BackendChoice {
  /** By default `nbd` with devices, otherwise `fuse` where vlb may become root, otherwise `vm`. */
  readonly backend?: BackendName | undefined;
  /** The devices of the backend `nbd`. */
  readonly nbd: readonly string[];
  /** What a virtual machine gets; undefined for vlb's defaults. */
  readonly vm?: { readonly memoryMiB?: number | undefined; readonly cpus?: number | undefined } | undefined;
}

export interface Host {
  readonly images: Images;
  readonly packings: Packings;
  /** Whether there are devices to lend to a modify-disk without `disk-size`, which attaches its disk itself. */
  readonly lendsDevices: boolean;
  /**
   * Fails as `host`, with the reason and a fix, when layers cannot be run on this machine.
   * @param tools programs of this host that the layers need in addition: with their disk, or beside a chroot
   * @param onNote called for what users have to know of how they are run
   */
  check(tools?: NeededTools, onNote?: (message: string) => void): Promise<Result<void>>;
  /** Ends what serves several runs, such as a virtual machine. The next run starts it again. */
  close(): Promise<void>;
  /**
   * Opens everything that one run of a layer uses on the machine; disposing of it releases what is still in use.
   * @param directory an empty directory for the run's own files
   * @param owner by default it shares a virtual machine with no other run
   */
  openWorkbench(directory: string, owner?: RunOwner): Promise<Result<Workbench>>;
  /** Fails as `host`, with the reason and a fix, when images cannot be booted on this machine. Needs no root rights. */
  checkGuests(): Promise<Result<void>>;
  /**
   * Opens what one run in a booted image uses; disposing of it ends the machine.
   * @param directory a directory for the run's own files, which is removed with it
   */
  openGuest(directory: string): Promise<Guest>;
  /**
   * The part of a file that is signed with a key of a keyring: all of it with a detached signature, otherwise what is inside
   * the signature in the file. Fails as `usage` when the signature is not valid.
   * @param keyring public keys, binary or armored
   */
  verifySignature(
    data: Buffer,
    signature: Buffer | undefined,
    keyring: Buffer,
    signal: AbortSignal,
  ): Promise<Result<Buffer>>;
  /**
   * A public key of the user's own OpenPGP keyring. Fails as `usage` when it is not there.
   * @param fingerprint 40 hexadecimal digits
   */
  exportKey(fingerprint: string, signal: AbortSignal): Promise<Result<Buffer>>;
  /** Whether the process of that name still runs: incomplete files of a dead one are removed. */
  isAlive(owner: string): boolean;
  /** Identifies this boot of the machine: what was written before it without a flush may be lost. */
  bootId(): string;
  /** Removes a directory with what is in it, as root where its files belong to root. Fails as `host`. */
  removeTree(directory: string): Promise<Result<void>>;
  /** Removes what killed runs left behind: loop devices and files below `runs`. Notes what cannot be removed, which harms no other run. */
  clearLeftovers(runs: string, onNote?: (message: string) => void): Promise<void>;
}

export interface Workbench extends RunPlace {
  /**
   * Attaches an image as a block device.
   * @param sectorSize by default as its partition table has it
   * @param continues whether `continueIn` will be called, if the backend can
   */
  attach(image: string, sectorSize?: number, continues?: boolean): Promise<Result<Disk>>;
  /**
   * Lets an attached disk continue in another file, an empty delta over the one that it is in, while its system stays mounted. From
   * then on the former is complete, its file systems as if they were unmounted, and is only read. False where the backend
   * has no way to do that: then nothing has changed.
   */
  continueIn(disk: Disk, system: MountedSystem, file: string): Promise<Result<boolean>>;
  /** The mount points in the image that vlb has created up to now and removes when it unmounts it, a path a line. */
  madePoints(): Promise<Result<string>>;
  /** Takes mount points of an earlier run, as `madePoints` returned them, for those of this one. Before the mount. */
  adoptPoints(made: string): Promise<Result<void>>;
  /**
   * Reserves a device until it is detached, for a script that attaches its disk itself. Only if the host lends devices.
   */
  lendDevice(): Promise<Result<Disk>>;
  /** Flushes and detaches the block device. */
  detach(disk: Disk): Promise<Result<void>>;
  /**
   * How much was written to a disk and discarded since it was attached, once all of that has left the memory, in a unit of its own.
   * @param system what is mounted of it
   */
  written(disk: Disk, system?: MountedSystem): Promise<Result<number>>;
  /** Finds the operating system on a disk and mounts it, with the requested partitions inside it. */
  mount(disk: Disk, options: MountOptions): Promise<Result<MountedSystem>>;
  /** Attaches a finished image read-only and mounts its system at a path inside a mounted system. */
  mountLayer(system: MountedSystem, image: string, target: string): Promise<Result<void>>;
  /** The first bytes of a regular file of a mounted system, with links followed inside it; none where it has no such file. */
  read(system: MountedSystem, file: string, length: number): Promise<Result<Buffer>>;
  /** How an image gets SELinux labels; undefined for one without SELinux, or with it disabled. */
  selinuxOf(system: MountedSystem): Promise<Result<LabeledBy | undefined>>;
  /** Flushes a disk to its image. Fails when something could not be written. */
  flush(disk: Disk): Promise<Result<void>>;
  /** Trims the file systems that a modify-disk left on a disk. Fails when something could not be written. */
  trim(disk: Disk): Promise<Result<void>>;
  /**
   * Grows a partition, and the file system in it, to the end of a disk; by default the last partition on it. Fails as
   * `usage` with the obstacle.
   */
  grow(disk: Disk, partition: number | undefined): Promise<Result<void>>;
  /**
   * Trims, flushes and unmounts. Fails when something could not be written.
   * @param isSmallest whether what takes longer to find than it is large is trimmed too
   */
  unmount(system: MountedSystem, isSmallest?: boolean): Promise<Result<void>>;
  /** Runs a build-layer, or the user's shell in its place. Returns its exit status. */
  runInChroot(system: MountedSystem, script: ChrootScript): Promise<Result<number>>;
  /** Runs a modify-disk, or the user's shell in its place. Returns its exit status. */
  runOnHost(script: HostScript): Promise<Result<number>>;
}

export interface Disk {
  /** `/dev/loop0`; its partitions are `/dev/loop0p1` and so on. */
  readonly device: string;
}

/** A further disk of a layer. */
export interface NamedDisk {
  readonly name: string;
  readonly disk: Disk;
}

export interface MountOptions {
  /** Attached disks beside the one of the system: its fstab may mount what is on them. */
  readonly further?: readonly NamedDisk[];
  readonly rootPartition?: VolumeId;
  /** What opens LUKS volumes, where the backend can do that. */
  readonly passphrases?: readonly Buffer[];
  readonly partitionMounts: readonly PartitionMount[];
  /** Whether what the image's fstab mounts from the disk must be mounted, or is where possible; a requested mount has precedence. */
  readonly fstab: 'required' | 'tried' | 'ignored';
  /** Whether a file system in which the kernel found errors is mounted all the same, with a note; not to build on it. */
  readonly acceptsErrors?: boolean;
  /**
   * Set where the disk is only looked at. What is requested and not there is ignored; `beside` another disk, volume groups of the same
   * name or UUID get another one on this disk.
   */
  readonly viewed?: 'alone' | 'beside';
  /** Called for what is not mounted, and need not be. */
  readonly onNote?: (message: string) => void;
  /** The location of the hint for a target, for failures. */
  readonly whereOf: (target: string) => Where;
}

/** A partition, or a disk without a partition table. */
export interface DiskVolume {
  /** From 1; 0 for a disk without a partition table. Undefined inside of another volume. */
  readonly partition: number | undefined;
  /** Inside of another volume: VG/LV of LVM, or the name of a LUKS volume that is open. */
  readonly name?: string;
  /** The same: what the kernel calls it, `dm-0`. */
  readonly node?: string;
  readonly device: string;
  /** Which of the disks it is on, from 1; undefined for the disk of the system, and inside of another volume. */
  readonly disk?: number;
  /** What blkid found out about it, by the names that it uses: TYPE, UUID, PART_ENTRY_NAME, … */
  readonly tags: ReadonlyMap<string, string>;
}

/** Whether an image with SELinux has the program that labels its files, setfiles(8). */
export type LabeledBy = 'setfiles' | 'nothing';

export interface MountedSystem {
  readonly root: string;
  /** The device of the disk, and of the partition that holds the root: the same on a disk without a partition table. */
  readonly disk: string;
  readonly rootDevice: string;
  readonly further: readonly NamedDisk[];
  readonly volumes: readonly DiskVolume[];
  /** Where further partitions of the disk are mounted, as paths of the image. */
  readonly inside: readonly string[];
}

/**
 * The streams of a script: a function that receives stdout and stderr as one, with an empty stdin; vlb's `own` streams;
 * or vlb's `terminal`, through a pseudo-terminal of the script's own.
 */
export type Streams = OnOutput | 'own' | 'terminal';

interface Script {
  readonly environment: Readonly<Record<string, string>>;
  readonly streams: Streams;
  /** Runs it without network, except for a loopback interface of its own. */
  readonly noNetwork: boolean;
  /** Files in the directory that the script's variable VLB_SECRETS names. */
  readonly secrets: readonly Secret[];
}

export interface ChrootScript extends Script {
  /** The host name that the script sees, also in /etc/hosts; `localhost` without one. */
  readonly hostname?: { readonly name: string; readonly where: Where };
  /** Staged copy of the layer's files, mounted at /mnt. */
  readonly inputs: string;
  readonly binds: readonly Bind[];
  /** The program, as a path in the chroot, and its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** A script that is run by `/bin/sh -eu` in place of the program. It is in no file of the image, and in no argument list. */
  readonly text?: string;
  /**
   * Whether the text is run by the host's shell, in the namespaces of the chroot but not in it: in the directory of the inputs, with
   * the path of the image's root in VLB_ROOT, and a directory in memory in TMPDIR. What it starts can reach the host.
   */
  readonly isBeside?: boolean;
}

/** A file or directory of the host that is mounted in the chroot. */
export interface Bind {
  readonly source: string;
  readonly target: string;
  readonly type: 'file' | 'directory';
  /** A private copy, which is chowned to root recursively; otherwise only the directory itself is. */
  readonly isCopy: boolean;
  /** The hint that requested it. */
  readonly where: Where;
}

export interface HostScript extends Script {
  /** Staged copy of the layer's files: the working directory. */
  readonly inputs: string;
  readonly argv: readonly [string, ...string[]];
  /** Words of `argv` that are files of the run, or directories of this host that persist. */
  readonly brings?: readonly string[];
  /** A file that the script may recreate: it is chowned back to the user that vlb runs as. */
  readonly makes?: string;
  /** A lent device that the script itself attaches; if still attached afterwards, it is detached. */
  readonly lent?: Disk;
}
