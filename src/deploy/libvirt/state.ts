// What a domain's metadata says of its deployments. Everything that a deployment changes is decided from this, see plan.ts.

/** A system disk that the domain has, had, or is about to have. */
export interface SystemDisk {
  /** Counts up from 1 with each deployment; 0 for the disk of a domain that was taken over, which is never removed. */
  readonly number: number;
  /** Absolute path on the host of the domain. */
  readonly file: string;
  /** As QEMU names it. */
  readonly format: string;
  /** The digest of the image that it was copied from; '' for a disk that vlb did not make. */
  readonly content: string;
  /** Whether a guest agent answered when it was deployed. */
  readonly hasAgent: boolean;
}

export interface DeployState {
  readonly phase: Phase;
  /** Absolute path of the directory with the disks, on the host of the domain. */
  readonly pool: string;
  /** The target of the system disk: `vda`. */
  readonly target: string;
  /** As vlb.yaml had them at the last deployment, MiB and processors: only what changes there is changed in the domain. */
  readonly memory: number;
  readonly cpus: number;
  /** The disk that the domain's definition names. */
  readonly current: SystemDisk;
  /** The disk that is being copied. */
  readonly next?: SystemDisk;
  /** The disks to go back to, the newest first. */
  readonly earlier: readonly SystemDisk[];
  /** The disks that the next deployment removes. */
  readonly discarded: readonly SystemDisk[];
  /** In the phase `new`, the files of the data disks. */
  readonly data: readonly string[];
}

export type Phase =
  /** The disks are copied for the first time; the domain has never been started. */
  | 'new'
  /** The current disk has not passed its check yet. */
  | 'trying'
  /** The current disk is an earlier one that was gone back to, and may not be started yet. */
  | 'going back'
  | 'settled';

export const PHASES: readonly Phase[] = ['new', 'trying', 'going back', 'settled'];
