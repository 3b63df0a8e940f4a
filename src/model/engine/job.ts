// The jobs that a graph is cut into: for pipelines of CI, and for engines.

import type { Where } from '../failure.ts';

/** Layers that are built one after the other on one machine. */
export interface Job {
  /** The last of its layers: to build that is to build all of them. Unique among the jobs of a graph. */
  readonly name: string;
  /** In the order in which they are built. */
  readonly layers: readonly string[];
  /** The names of the jobs that have to succeed before. */
  readonly needs: readonly string[];
  readonly resources: Resources;
}

/** What a job asks for; what is not given is the engine's to choose. */
export interface Resources {
  readonly cpus?: number;
  /** Bytes. */
  readonly memory?: number;
  readonly partition?: string;
  readonly gres: readonly Gres[];
}

/** A generic resource. */
export interface Gres {
  /** `gpu:1` */
  readonly name: string;
  /** The hint that asks for it. */
  readonly where: Where;
}
