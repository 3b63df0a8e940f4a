// The port of the store: where artifacts and records are kept.

import type {
  Artifact,
  ArtifactDisk,
  ArtifactName,
  BuildRecord,
  Digest,
  Key,
  Retention,
} from '../artifact.ts';
import type { Result } from '../failure.ts';
import type { CachePoints } from './points.ts';
import type { SharedCache } from './shared-cache.ts';

export interface Store {
  /** The shared cache behind it, if there is one. */
  readonly shared?: SharedCache;
  /** The states after the steps of layers, if it keeps such. */
  readonly points?: CachePoints;
  /** The directory of all artifacts: one, so that relative references to backing files resolve. */
  readonly artifactDirectory: string;
  /** The record under a key, if its artifact is complete; a damaged one is reported and is a miss. */
  lookup(key: Key): Promise<BuildRecord | undefined>;
  /** The records whose keys begin with a prefix, usable or not: for display, never to build with. */
  recordsLike(prefix: string): Promise<readonly BuildRecord[]>;
  /**
   * Leases the artifacts of these records until {@link release}: no process removes them or what they depend on before.
   * Records that they were used now. Returns the records whose artifact is gone.
   */
  lease(records: readonly BuildRecord[], signal: AbortSignal): Promise<readonly BuildRecord[]>;
  /** For a build that found everything up to date: records, once a day, that these records are used. */
  noteUse(records: readonly BuildRecord[]): void;
  /**
   * Reads an artifact that could not be used, and its backing files, down to the first damaged one, which is moved
   * aside and reported. Returns whether all were intact.
   */
  examine(artifact: Artifact, signal: AbortSignal): Promise<boolean>;
  /**
   * A disk and its backing files, the topmost first, with the sizes of their files in bytes. Throws node's fs errors.
   */
  chain(disk: ArtifactName): readonly (ArtifactName & { readonly bytes: number })[];
  /** Ends all leases of this process. */
  release(): void;
  /** Removes what is over the store's limits, and reports it. */
  evict(signal: AbortSignal): Promise<void>;
  /**
   * Removes superseded uncached artifacts, by file name, unless another project or a running build uses them.
   */
  drop(names: readonly string[]): Promise<void>;
  /** The path of the log of the build under a key; the file may be absent. */
  logOf(key: Key): string;
  /** Removes the record under a key, so that a forced build is not dropped in its favor. The artifact stays. */
  forget(key: Key): Promise<void>;
  /** The bytes of a disk. Throws node's fs errors. */
  read(disk: ArtifactName, cut: Pieces): AsyncIterable<Buffer>;
  /** Whether this artifact is present with the size in its record. */
  has(artifact: Artifact): Promise<boolean>;
  /**
   * Takes a named lock, for instance on building a key, which one run holds at a time; waits until another releases it.
   * Undefined when the signal came first.
   * @param onWait called once, with the name of the process that holds it
   */
  lock(
    name: string,
    onWait: (owner: string) => void,
    signal: AbortSignal,
  ): Promise<Result<Disposable | undefined>>;
  /** A path beside the artifacts for a delta in progress; disposing of the draft removes it. */
  draft(): Promise<Result<Draft>>;
}

/** How a file is read in pieces. */
export interface Pieces {
  /** The size of each piece except the last. */
  readonly bytes: number;
  /** How many pieces are in use at a time: the oldest is overwritten when one more is requested. */
  readonly atOnce: number;
}

export interface Draft extends AsyncDisposable {
  /** Of the main disk. */
  readonly path: string;
  /** The path of the draft of a further disk, which disposing of this one removes as well. */
  further(name: string): string;
  /** The digest of its bytes as they are now. Fails as `interrupted` on the signal. */
  digest(signal: AbortSignal): Promise<Result<Digest>>;
  /**
   * Turns the draft into an artifact: flush, hash, rename, flush the directory, then the record the same way.
   * If there already is a record under the key, returns that one and drops the draft.
   */
  commit(about: CommitRequest): Promise<Result<BuildRecord>>;
  /**
   * Turns the draft into the artifact of a record from another machine, and leases it. Replaces an existing record
   * under its key; a disk that exists stays. The caller has checked that the drafts have the digests. Fails as `work`
   * when the backing file of one is not the one in the record.
   */
  adopt(record: BuildRecord, options: AdoptOptions): Promise<Result<void>>;
}

export interface AdoptOptions {
  /** Whether it is flushed. If not, it is read again before its use after a power cut. */
  readonly flush: boolean;
  readonly signal: AbortSignal;
}

/** A further disk of an artifact: a draft that becomes one of its files, or the disk of the parent, which was not changed. */
export type FurtherDisk = { readonly name: string; readonly file: string } | ArtifactDisk;

export interface CommitRequest
  extends Pick<BuildRecord, 'key' | 'layer' | 'parent' | 'backing' | 'recipe' | 'noshare'> {
  readonly keeping: Retention;
  readonly further?: readonly FurtherDisk[];
  /** `performance.now()` when the build began, ms. */
  readonly startedAt: number;
  /** Cancels the commit, until its record is written. */
  readonly signal: AbortSignal;
  /** A file with the script's output, kept beside the record. */
  readonly log?: string;
}

/** The artifacts in place in one project: the basis for `fresh`, and the only records of uncached layers. */
export interface InPlace {
  /** The digest that build/<layer>.qcow2 leads to, or the link of a further disk. */
  linked(layer: string, disk?: string): Promise<Digest | undefined>;
  /** The record of the layer's last build or restore in this project: changes are explained against it. */
  last(layer: string): Promise<BuildRecord | undefined>;
  /**
   * Saves a layer's last record; the uncached artifact of an earlier one is dropped once nothing depends on it.
   * @param layer its name in this project: the name in a record is that of the project where it was built
   */
  save(layer: string, record: BuildRecord): Promise<Result<void>>;
  /**
   * Points the links in build/ to these artifacts. Returns the path of image.qcow2, which then leads to `image`, unless
   * a flat file is requested and there already is one; without `image` it stays as it is, and with `none` a link is removed.
   * @param named the images that the project names: each link leads to its artifact, or without one stays as it is.
   * Links under other names are removed.
   * @param all the names of all layers: links of other layers are removed
   */
  link(
    layers: readonly { readonly layer: string; readonly artifact: Artifact }[],
    image: LinkedImage | undefined,
    named: ReadonlyMap<string, Artifact | undefined>,
    all?: readonly string[],
  ): Promise<Result<string>>;
}

export type LinkedImage = { readonly artifact: Artifact; readonly flat: boolean } | 'none';
