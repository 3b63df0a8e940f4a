// A delta in progress, and the commit that makes it an artifact.

import { chmodSync, copyFileSync, existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import {
  type ArtifactDisk,
  type ArtifactName,
  artifactFiles,
  type BuildRecord,
  backingOf,
  type Digest,
  diskFile,
  furtherDisks,
  type Key,
  MAIN_DISK,
  mainDisk,
} from '../../model/artifact.ts';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { AdoptOptions, CommitRequest, Draft, Store } from '../../model/ports/store.ts';
import { recordText } from '../../model/record.ts';
import { attempt, systemError } from '../../util/errors.ts';
import { linkIfFree } from '../../util/fs.ts';
import { writeHint } from '../../util/ownership.ts';
import type { ProjectPlaces } from '../upkeep/projects.ts';
import { digestFile, flushDirectory, flushFile, writeFileDurably } from './durable.ts';
import { shareWithGroup } from './group-access.ts';
import { referencesOf } from './qcow2-header.ts';
import { stampDigest, stampUntilReboot } from './stamp.ts';

export class LocalDraft implements Draft {
  readonly path: string;
  readonly #keys: string;
  readonly #store: Store;
  readonly #bootId: () => string;
  readonly #further = new Set<string>();

  constructor(file: string, keys: string, store: Store, bootId: () => string) {
    this.path = file;
    this.#keys = keys;
    this.#store = store;
    this.#bootId = bootId;
  }

  further(name: string): string {
    const file = `${this.path}-${name}`;
    this.#further.add(file);
    return file;
  }

  commit(about: CommitRequest): Promise<Result<BuildRecord>> {
    return this.#attempt(() => this.#commit(about), 'the commit', about.signal);
  }

  async adopt(record: BuildRecord, options: AdoptOptions): Promise<Result<void>> {
    const isOther = this.#received(record).some(({ file, backing }) => {
      const found = referencesOf(file);
      return found === undefined || found.file !== (backing ? `./${diskFile(backing)}` : undefined);
    });
    if (isOther) return fail('work', 'its backing file is not the one that its record names');
    return this.#attempt(() => this.#adopt(record, options), 'the adoption', options.signal);
  }

  /** The drafts of a record from another machine, the main one last; of a further disk that is here already there is none. */
  #received(record: BuildRecord): readonly (FinishedDraft & { readonly backing: ArtifactName | null })[] {
    const { parent } = record;
    const further = furtherDisks(record.artifact).map((disk) => {
      const below = parent?.disks.find(({ name }) => name === disk.name);
      const backing = parent && below ? { digest: below.digest, keeping: parent.keeping } : null;
      return { file: this.further(disk.name), disk, backing };
    });
    const main = { file: this.path, disk: mainDisk(record.artifact), backing: backingOf(record) };
    return [...further.filter(({ file }) => existsSync(file)), main];
  }

  digest(signal: AbortSignal): Promise<Result<Digest>> {
    return this.#attempt(() => digestFile(this.path, signal), 'reading the draft', signal);
  }

  /** @param what what was interrupted, when the signal came */
  async #attempt<T>(work: () => Promise<T>, what: string, signal: AbortSignal): Promise<Result<T>> {
    try {
      return ok(await work());
    } catch (error) {
      if (signal.aborted) return fail('interrupted', `${what} was interrupted`);
      return cannotWriteStore(this.#store.artifactDirectory, error);
    }
  }

  async #commit(request: CommitRequest): Promise<BuildRecord> {
    const { keeping, startedAt, log, signal, further = [], ...about } = request;
    const main = await finish({ name: MAIN_DISK, file: this.path }, signal);
    const drafts = [main];
    const others: ArtifactDisk[] = [];
    for (const disk of further) {
      const finished = 'file' in disk ? await finish(disk, signal) : undefined;
      // Before the main disk, by which an artifact is found.
      if (finished) drafts.unshift(finished);
      others.push(finished?.disk ?? (disk as ArtifactDisk));
    }
    const record: BuildRecord = {
      ...about,
      artifact: { keeping, disks: [main.disk, ...others] },
      seconds: Math.round((performance.now() - startedAt) * 1) / 1000,
      created: new Date().toISOString(),
    };
    const earlier = keeping === 'cached' ? await this.#store.lookup(about.key) : undefined;
    if (earlier && (await this.#store.lease([earlier], signal)).length === 0) return earlier;
    const added = await this.#install(record, drafts, stampDigest, signal);
    // The record of an uncached layer is kept by its project, see InPlace.
    if (keeping === 'uncached') return record;
    const published = await this.#publish(record, log, signal);
    // Another process published first: nothing refers to these bytes, unless they were there before.
    const used = new Set(artifactFiles(published.artifact));
    for (const name of added) {
      if (!used.has(name)) rmSync(path.join(this.#store.artifactDirectory, name), { force: true });
    }
    return published;
  }

  async #adopt(record: BuildRecord, { flush, signal }: AdoptOptions): Promise<void> {
    await this.#store.lease([record], signal);
    const { keeping } = record.artifact;
    const missing: FinishedDraft[] = [];
    for (const draft of this.#received(record)) {
      // An existing disk may have been flushed: it is not replaced by one that was not.
      if (!(await this.#store.has({ keeping, disks: [draft.disk] }))) missing.push(draft);
    }
    if (missing.length > 0) {
      if (flush) for (const { file } of missing) await flushFile(file, signal);
      const stamp = (file: string, digest: Digest) =>
        flush ? stampDigest(file, digest) : stampUntilReboot(file, digest, this.#bootId());
      await this.#install(record, missing, stamp, signal);
    }
    const temporary = `${this.path}.json`;
    try {
      writeFileDurably(temporary, textOf(record));
      renameSync(temporary, path.join(this.#keys, `${record.key}.json`));
    } finally {
      rmSync(temporary, { force: true });
    }
    flushDirectory(this.#keys);
  }

  /** Renames drafts to the files of their artifact. Returns the names of those that were not there before. */
  async #install(
    record: BuildRecord,
    drafts: readonly FinishedDraft[],
    stamp: (file: string, digest: Digest) => void,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    // Leased before it has its name: from then on other processes may find it, and must not remove it.
    await this.#store.lease([record], signal);
    signal.throwIfAborted();
    const added: string[] = [];
    for (const { file: draft, disk } of drafts) {
      chmodSync(draft, 0o444);
      stamp(draft, disk.digest);
      const name = diskFile({ digest: disk.digest, keeping: record.artifact.keeping });
      const file = path.join(this.#store.artifactDirectory, name);
      if (!existsSync(file)) added.push(name);
      renameSync(draft, file);
    }
    flushDirectory(this.#store.artifactDirectory);
    return added;
  }

  /** Writes the record, unless another process has written one in the meantime: then returns that one. */
  async #publish(record: BuildRecord, log: string | undefined, signal: AbortSignal): Promise<BuildRecord> {
    const file = path.join(this.#keys, `${record.key}.json`);
    const temporary = `${this.path}.json`;
    try {
      writeFileDurably(temporary, textOf(record));
      if (!linkIfFree(temporary, file)) {
        const winner = await this.#store.lookup(record.key);
        if (winner && (await this.#store.lease([winner], signal)).length === 0) return winner;
        linkSync(temporary, file); // the winner was damaged and has been moved aside
      }
      // A log is only for the user: a build does not fail without it.
      if (log !== undefined) attempt(() => this.#keepLog(log, record.key));
      flushDirectory(this.#keys);
      return record;
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  #keepLog(log: string, key: Key): void {
    const kept = path.join(this.#keys, `${key}.log`);
    copyFileSync(log, kept);
    shareWithGroup(kept);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of [this.path, ...this.#further]) rmSync(file, { force: true });
  }
}

/** A draft whose bytes are final. */
interface FinishedDraft {
  readonly file: string;
  readonly disk: ArtifactDisk;
}

async function finish(
  { name, file }: { readonly name: string; readonly file: string },
  signal: AbortSignal,
): Promise<FinishedDraft> {
  await flushFile(file, signal);
  return { file, disk: { name, digest: await digestFile(file, signal), bytes: statSync(file).size } };
}

function textOf(record: BuildRecord): string {
  return `${recordText(record, 1)}\n`;
}

export const ELSEWHERE = 'choose another directory with --cache-dir DIR or VLB_CACHE_DIR';

/**
 * The failure for a store that cannot be written.
 * @param project the one that uses it: if it holds the store, its files may belong to another user
 */
export function cannotWriteStore(directory: string, error: unknown, project?: ProjectPlaces): Result<never> {
  const { code } = systemError(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return fail('host', 'no space left for the store', {
      where: { file: directory },
      hint: 'free some space there, or move the store with --cache-dir DIR',
    });
  }
  const isInside = project && directory.startsWith(`${project.state}/`);
  const hint = isInside ? writeHint(error, [project.state, project.build]) : undefined;
  return failAt(directory, 'cannot write to the store', error, hint ?? ELSEWHERE);
}
