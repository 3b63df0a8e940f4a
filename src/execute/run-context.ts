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
  /** Settles when what was told has been taken, or nobody waits for it any more; undefined when it has been. */
  readonly untilTaken: () => Promise<void> | undefined;
  /** How a user runs `vlb shell` on this project, up to its options. */
  readonly shellCommand: string;
  readonly environment: Environment;
  readonly signal: AbortSignal;
  /** The name of this process: its runs carry it. */
  readonly owner: string;
  readonly steering?: Steering;
}

/** Whoever looks on while a build goes on, as `vlb watch` does, and knows better what is of use still. */
export interface Steering {
  /**
   * Asked before a node runs, with the key under which it will. Its signal stops this run alone. What it fails with is told
   * as the node's failure; one that is `interrupted` is none: the node is left for another plan, as one that was stopped is.
   */
  beforeRun(name: string, key: Key): Promise<Result<AbortSignal>>;
}
