// What the execution works with, handed from one action to the next.

import type { Key } from '../model/artifact.ts';
import type { Environment } from '../model/environment.ts';
import type { Emit } from '../model/event.ts';
import type { Result } from '../model/failure.ts';
import type { Host } from '../model/ports/machine.ts';
import type { InPlace, Store } from '../model/ports/store.ts';
import type { LoadHasher } from '../project/inputs/hash.ts';
import type { Secrets } from '../project/layers/secrets.ts';
import type { ProjectPaths } from '../project/project.ts';

export interface Context {
  readonly host: Host;
  readonly store: Store;
  readonly inPlace: InPlace;
  readonly paths: ProjectPaths;
  readonly loadHasher: LoadHasher;
  readonly secrets: Secrets;
  readonly emit: Emit;
  /** Settles when the emitted output has been read, or the build ends; undefined when none is pending. */
  readonly drained: () => Promise<void> | undefined;
  /** How a user runs `vlb shell` on this project, up to its options. */
  readonly shellCommand: string;
  readonly environment: Environment;
  readonly signal: AbortSignal;
  /** The name of this process: its runs carry it. */
  readonly owner: string;
  readonly steering?: Steering;
}

/** Controls which nodes of a running build may still start: `vlb watch` does, when files change. */
export interface Steering {
  /**
   * Called before a node runs, with its key. Returns a signal that stops this run only. A failure is the node's failure;
   * an `interrupted` one, or stopping the run, leaves the node to the next plan.
   */
  beforeRun(name: string, key: Key): Promise<Result<AbortSignal>>;
  /** Aborted when nodes that have not begun to run are left to the next plan. */
  readonly superseded: AbortSignal;
}
