// The port of deployments: puts a machine that was built where it runs, and looks there before anything is built for it.

import type { Failure, Result } from '../failure.ts';
import type { DeployCheck, DeployTarget } from '../machine/deploy.ts';
import type { Machine } from '../machine/machine.ts';

export interface Deployer {
  /** Looks at the target; changes nothing. Fails as `usage` when the target must not be touched, else as `host`. */
  prepare(wish: DeployWish, signal: AbortSignal): Promise<Result<Deployment>>;
}

/** What is to be deployed, where and how. */
export interface DeployWish {
  readonly machine: Machine;
  readonly target: DeployTarget;
  /** The name of a storage pool, or the absolute path of a directory. */
  readonly pool: string | undefined;
  readonly check: DeployCheck;
  /** Seconds for a guest to shut down, and then for the check. */
  readonly timeout: number;
  /** Whether to go back to the earlier system disk. */
  readonly rollback: boolean;
  /** How many earlier system disks stay. */
  readonly keep: number;
  /** Whether a domain of others is taken over. */
  readonly adopt: boolean;
  /** Whether what the target holds is replaced. */
  readonly force: boolean;
  /** Whether blocks without data are written too. */
  readonly full: boolean;
  /** Absolute paths of directories that no target may be in: vlb's own. */
  readonly reserved: readonly string[];
}

export interface Deployment {
  /** What has to be made first: the chain of the system disk, the export for libvirt, or nothing. */
  readonly needs: 'disk' | 'libvirt' | 'nothing';
  /**
   * What would be done, a phrase each, in order; nothing where the target has it already.
   * @param content of the system disk; undefined while it is not known
   */
  steps(content: string | undefined): readonly string[];
  run(source: DeploySource, listener: DeployListener, signal: AbortSignal): Promise<DeployEnd>;
}

/** What was made. */
export interface DeploySource {
  /** Absolute path of the top of the system disk's chain, in qcow2 format. */
  readonly file: string;
  /** Virtual size, bytes. */
  readonly size: number;
  /** What the chain takes on disk, bytes. */
  readonly bytes: number;
  /** What identifies the bytes of the disk. */
  readonly content: string;
  /** Absolute path of the export for libvirt, where that was needed. */
  readonly directory?: string;
}

export interface DeployListener {
  stage(stage: DeployStage): void;
  progress(bytes: number, total: number): void;
  note(message: string): void;
}

/** The steps of a deployment. Which of them there are depends on the target. */
export type DeployStage =
  | 'write'
  | 'compare'
  | 'define'
  | 'copy'
  | 'shut down'
  | 'switch'
  | 'start'
  | 'check'
  | 'go back'
  | 'settle';

export interface DeployEnd {
  /** `rolled back`: the earlier system disk is in place, as it was wanted, or because of the failure. */
  readonly outcome: 'fresh' | 'deployed' | 'rolled back' | 'failed';
  readonly failure?: Failure;
}
