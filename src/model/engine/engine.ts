// The port of engines: what places jobs on the machines of a cluster.

import type { Result } from '../failure.ts';
import type { Resources } from './job.ts';

export const ENGINES = ['slurm'] as const;
export type EngineName = (typeof ENGINES)[number];

/** The name of a job for the engine that has it. */
export type JobId = string;

export interface Submission {
  /** For users of the engine, which list jobs. */
  readonly name: string;
  readonly resources: Resources;
  /** Of jobs that have to succeed before. If one does not, this job never runs. */
  readonly needs: readonly JobId[];
  /** A script for `/bin/sh`. It runs again, from its beginning, if its node dies. */
  readonly script: string;
  /** Absolute path of its directory, which is there on all nodes. */
  readonly directory: string;
  /** Absolute paths that its output is appended to. */
  readonly stdout: string;
  readonly stderr: string;
}

/** `over`: it has ended, well or not, or is not known any more. */
export interface JobState {
  readonly state: 'waiting' | 'running' | 'over';
  /** In the engine's words, `NODE_FAIL`. */
  readonly word: string;
  /** Where it runs or ran. */
  readonly node?: string;
}

export interface Engine {
  readonly name: EngineName;
  /** Fails as `host` if the engine is not there, or refuses the job. */
  submit(job: Submission): Promise<Result<JobId>>;
  /** The states of jobs now. Fails as `host` if the engine does not answer, and as `interrupted`. */
  watch(jobs: readonly JobId[], signal: AbortSignal): Promise<Result<ReadonlyMap<JobId, JobState>>>;
  /** Ends jobs, those that wait too. Fails as `host`. */
  cancel(jobs: readonly JobId[]): Promise<Result<void>>;
}
