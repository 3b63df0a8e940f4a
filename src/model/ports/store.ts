// The port of the store: where artifacts and records live.

import type { Artifact, BuildRecord, Digest, Keeping, Key } from '../artifact.ts';
import type { Result } from '../failure.ts';
import type { SharedCache } from './shared-cache.ts';

export interface Store {
  /** What is behind it, where several machines share what they build. */
  readonly shared?: SharedCache;
  /** The directory that holds every artifact, so that relative backing references hold. */
  readonly artifactDirectory: string;
  /** The record under a key, if its artifact is there whole; a damaged one is reported and is a miss. */
  lookup(key: Key): Promise<BuildRecord | undefined>;
  /** The records whose keys begin like this, whole or not: for a look, never to build with. */
  recordsLike(prefix: string): Promise<readonly BuildRecord[]>;
  /**
   * Takes hold of what these records name, until {@link release}: nobody removes it meanwhile, nor what it stands on.
   * Notes that they were used now. Returns those whose artifact is gone by now.
   */
  lease(records: readonly BuildRecord[], signal: AbortSignal): Promise<readonly BuildRecord[]>;
  /** For a build that found everything in place: notes, once a day, that these records are used. */
  noteUse(records: readonly BuildRecord[]): void;
  /**
   * Reads an artifact that could not be used, and what it stands on, down to the first that is damaged: that one is moved
   * aside and told. Returns whether all were good.
   */
  examine(artifact: Artifact, signal: AbortSignal): Promise<boolean>;
  /** Lets go of all that this process holds in the store. */
  release(): void;
  /** Takes out what is over the store's limits, and tells what that was. */
  evict(signal: AbortSignal): Promise<void>;
  /**
   * Removes uncached artifacts that were replaced, by the names of their files, unless another project or a running build
   * uses them.
   */
  drop(names: readonly string[]): Promise<void>;
  /** Where the script's output of the build under a key is; nothing may be there. */
  logOf(key: Key): string;
  /** Removes the record under a key, so that a forced build is not dropped in its favour. The artifact stays. */
  forget(key: Key): Promise<void>;
  /** The bytes of an artifact. Throws node's fs errors. */
  read(artifact: Artifact, cut: Pieces): AsyncIterable<Buffer>;
  /** True when this artifact is there with the size its record tells. */
  has(artifact: Artifact): Promise<boolean>;
  /**
   * The right to build a key, or to what else has a name, which one run has at a time; waits for another that has it. Undefined when the signal
   * came first.
   * @param onWait called once, with the name of the process that is waited for
   */
  lock(
    name: string,
    onWait: (owner: string) => void,
    signal: AbortSignal,
  ): Promise<Result<Disposable | undefined>>;
  /** A path beside the artifacts for a delta in progress; `discard` leaves nothing of it. */
  draft(): Promise<Result<Draft>>;
}

/** How bytes are cut. */
export interface Pieces {
  /** How many each piece has, but for the last. */
  readonly bytes: number;
  /** How many pieces are looked at: the oldest is overwritten as soon as one more is asked for. */
  readonly atOnce: number;
}

export interface Draft extends AsyncDisposable {
  readonly path: string;
  /** What its digest would be, were it committed as it is. Fails as `interrupted` on the signal. */
  digest(signal: AbortSignal): Promise<Result<Digest>>;
  /**
   * Makes the draft an artifact: flush, hash, rename, flush the directory, then the record the same way.
   * When a record is already under the key, that one is adopted and returned, and the draft is dropped.
   */
  commit(about: CommitRequest): Promise<Result<BuildRecord>>;
  /**
   * Makes the draft the artifact of a record that another machine made, in the place of a record that is under its key
   * already, and holds it; an artifact that is here already stays. That the draft has the digest, whoever wrote it has seen to.
   * Fails as `work` when the file stands on something else than its record says.
   */
  adopt(record: BuildRecord, options: AdoptOptions): Promise<Result<void>>;
}

export interface AdoptOptions {
  /** Whether it is flushed. If not, it is read after a power cut before it is used. */
  readonly flush: boolean;
  readonly signal: AbortSignal;
}

export interface CommitRequest extends Pick<BuildRecord, 'key' | 'layer' | 'parent' | 'recipe' | 'noshare'> {
  readonly keeping: Keeping;
  /** `performance.now()` at the beginning, ms. */
  readonly startedAt: number;
  /** Calls the commit off, until its record is written. */
  readonly signal: AbortSignal;
  /** A file with the script's output, kept beside the record. */
  readonly log?: string;
}

/** The artifacts in place in one project: what `fresh` is decided by, and the only records of uncached layers. */
export interface InPlace {
  /** The digest that build/<layer>.qcow2 leads to. */
  linked(layer: string): Promise<Digest | undefined>;
  /** The record of the layer's last build or restore here: what a change is told against, and all that uncached ones have. */
  last(layer: string): Promise<BuildRecord | undefined>;
  /**
   * Puts a layer's record in place; an uncached artifact of an earlier one is dropped once nothing stands on it.
   * @param layer its name here: what a record says is that of where it was built
   */
  save(layer: string, record: BuildRecord): Promise<Result<void>>;
  /**
   * Makes the links in build/ lead to these artifacts. Returns the path of image.qcow2, which is made to lead to
   * `image`, unless a flat file is wanted and there is one; without `image` it is left alone.
   * @param named every image that the project names: its link leads to the artifact, or without one is left alone. Links
   * under other names go away.
   * @param all the names of all layers there are: links of others are of layers that are gone, and go
   */
  link(
    layers: readonly { readonly layer: string; readonly artifact: Artifact }[],
    image: { readonly artifact: Artifact; readonly flat: boolean } | undefined,
    named: ReadonlyMap<string, Artifact | undefined>,
    all?: readonly string[],
  ): Promise<Result<string>>;
}
