// The backend: how a qcow2 becomes a block device, and where the root shells are that use it. Three implementations, fuse.ts, nbd.ts and
// ../vm/backend.ts, and one contract suite. The first two attach disks to this machine, the last one to a virtual machine.

import { ok, type Result } from '../../model/failure.ts';
import type { BackendName, ChrootScript, Disk, HostScript, RunOwner } from '../../model/ports/machine.ts';
import { openRootShell } from '../root/root-shell.ts';
import { RunShell } from '../root/run-shell.ts';

export interface Backend {
  readonly name: BackendName;
  /** Fails as `host`, with a hint, when this machine lacks what the backend needs. */
  check(): Promise<Result<void>>;
  /** Fails as `host` where scripts that run on the host cannot call these programs of it, which it has. */
  checkHostTools(tools: readonly string[]): Promise<Result<void>>;
  /**
   * Opens the root shell of a run. Fails as `host`.
   * @param directory of the run, on this machine
   * @param runsScripts default true
   * @param owner see `openWorkbench` of a Host
   */
  openRun(directory: string, runsScripts?: boolean, owner?: RunOwner): Promise<Result<RunShell>>;
  /** What brings the files of scripts to another machine; undefined where the root shell is on this one. */
  readonly carrier: ((run: RunShell, directory: string) => Carrier) | undefined;
  /** Ends what serves several runs. The next run starts it again. */
  close(): Promise<void>;
  /**
   * Makes a qcow2 file a block device, with nodes for its partitions. When the shell ends, in whatever way, the device is
   * released.
   * @param run with an existing directory for the attachment's own files, not shared with another attachment
   * @param access default `read-write`
   * @param sectorSize by default 4096 bytes where the disk's GPT is for that, otherwise 512
   * @param continues whether the disk has to have `continueIn`, if the backend can
   */
  attach(
    run: RunShell,
    image: string,
    access?: 'read-write' | 'read-only',
    sectorSize?: number,
    continues?: boolean,
  ): Promise<Result<AttachedDisk>>;
  /**
   * Reserves an unused device which a script can attach with qemu-nbd. No other run gets it until `detach`, or until the
   * shell ends. Undefined for a backend without such devices.
   */
  readonly lend: ((run: RunShell) => Promise<Result<AttachedDisk>>) | undefined;
}

/** What a script is given of this machine: its inputs, the sources of binds, its TMPDIR, and files in its arguments. */
export type Brought = Pick<HostScript, 'inputs' | 'environment' | 'argv' | 'brings'> &
  Partial<Pick<ChrootScript, 'binds'>>;

/** Brings files of this machine to that of the root shell, for one run. */
export interface Carrier {
  /** Returns the script with the paths there. What it is given is a copy there, except for directories that persist. */
  bring<Script extends Brought>(script: Script): Promise<Result<Script>>;
  /** Takes all of it away there, and keeps what is in the directories that persist. */
  takeBack(): Promise<Result<void>>;
}

/** What the backends have in common whose root shells are on this machine. */
export const ON_THIS_MACHINE = {
  openRun: async (directory: string, runsScripts = true) => {
    const shell = await openRootShell(runsScripts ? directory : '');
    return shell.ok ? ok(new RunShell(shell.value, directory)) : shell;
  },
  carrier: undefined,
  checkHostTools: async () => ok(),
  close: async () => {},
} satisfies Partial<Backend>;

export interface AttachedDisk extends Disk {
  /** The name of the process that provides the disk, if it ended before `detach`. */
  readonly lost?: () => Promise<string | undefined>;
  /** Lets the disk continue in another file while the file systems at a root and below hold still. */
  readonly continueIn?: (root: string, file: string) => Promise<Result<void>>;
  /** Detaches, and waits until the kernel has released the device and everything written is in the file. */
  detach(): Promise<Result<void>>;
}

/** The options for writing a delta: flushes wait for the commit, and discarded blocks leave the file. */
export const DELTA_OPTIONS = { discard: 'unmap', cache: { direct: false, 'no-flush': true } } as const;
