// The store in a local directory: artifacts by digest, records by key.

import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import {
  type Artifact,
  type ArtifactDisk,
  type ArtifactName,
  artifactFile,
  artifactFiles,
  type BuildRecord,
  diskFile,
  type Key,
  parseArtifactFile,
  type Retention,
} from '../../model/artifact.ts';
import { failAt, ok, type Result } from '../../model/failure.ts';
import type { Draft, Pieces, Store } from '../../model/ports/store.ts';
import type { CacheLimits, Collected } from '../../model/ports/store-upkeep.ts';
import { isNewerRecord, parseRecord } from '../../model/record.ts';
import { attempt, systemError } from '../../util/errors.ts';
import { markVersion } from '../../util/format-version.ts';
import { namesIn } from '../../util/fs.ts';
import { Lease } from '../locks/lease.ts';
import { guarded, type IsAlive, takeLock } from '../locks/lock.ts';
import { checkStoreVersion, measure, STORE_VERSION, type StorePlaces, storePlaces } from '../names.ts';
import { deadFiles, findDead, removeDead } from '../upkeep/dead-files.ts';
import { type ProjectPlaces, register, usedToday } from '../upkeep/projects.ts';
import { setAside } from './damaged.ts';
import { cannotWriteStore, ELSEWHERE, LocalDraft } from './draft.ts';
import { digestFile, makeDirectoryDurably } from './durable.ts';
import { shareWithGroup, touchShared } from './group-access.ts';
import { checkIsLocal } from './network.ts';
import { LocalPoints } from './points.ts';
import { backingArtifact } from './qcow2-header.ts';
import { isIntact } from './stamp.ts';

export interface LocalStoreOptions {
  readonly directory: string;
  /** The name of this process, see src/host/process/owner.ts. Drafts carry it and are removed once it is dead. */
  readonly owner: string;
  readonly isAlive: IsAlive;
  /** See `Host.bootId`. */
  readonly bootId: () => string;
  /** Called for each damaged entry that was moved aside. */
  readonly onDamage: (message: string) => void;
  /** The project that uses the store. */
  readonly project: ProjectPlaces;
  readonly limits: CacheLimits;
  /** Called with the result of garbage collection in a store over its limits. */
  readonly onEvict: (collected: Result<Collected>) => void;
}

/**
 * Opens a store. Creates nothing: for commands that only read it may be read-only or absent. Fails as `host` when it
 * cannot be read, is on a network file system, or was written by a newer vlb.
 */
export function openLocalStore(options: LocalStoreOptions): Result<Store> {
  const places = storePlaces(options.directory);
  const local = checkIsLocal(options.directory);
  if (!local.ok) return local;
  const known = checkStoreVersion(options.directory);
  if (!known.ok) return known;
  try {
    clearDrafts(places.artifacts, options.isAlive);
  } catch (error) {
    if (systemError(error).code !== 'ENOENT') {
      return failAt(options.directory, 'cannot read the store', error, ELSEWHERE);
    }
  }
  return ok(new LocalStore(places, options));
}

class LocalStore implements Store {
  readonly artifactDirectory: string;
  readonly points: LocalPoints;
  readonly #places: StorePlaces;
  readonly #options: LocalStoreOptions;
  readonly #lease: Lease;

  constructor(places: StorePlaces, options: LocalStoreOptions) {
    this.artifactDirectory = places.artifacts;
    this.#places = places;
    this.#options = options;
    this.#lease = new Lease(places.leases, options.owner);
    this.points = new LocalPoints(places, options, this.#lease);
  }

  async lookup(key: Key): Promise<BuildRecord | undefined> {
    const file = this.#recordFile(key);
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      const { code } = systemError(error);
      if (code !== 'ENOENT') this.#setAside(file, 'cannot be read');
      return undefined;
    }
    const record = parseRecord(text);
    if (record?.key !== key) {
      this.#setAside(file, isNewerRecord(text) ? 'was written by a newer vlb' : 'is damaged');
      return undefined;
    }
    if (await this.has(record.artifact)) return record;
    this.#setAside(file, `refers to a missing or incomplete artifact: ${artifactFile(record.artifact)}`);
    return undefined;
  }

  async recordsLike(prefix: string): Promise<readonly BuildRecord[]> {
    const texts = namesIn(this.#places.keys)
      .filter((name) => name.startsWith(prefix) && name.endsWith('.json'))
      .map((name) => readFileSync(path.join(this.#places.keys, name), 'utf8'));
    return texts.map(parseRecord).filter((record) => record !== undefined);
  }

  async lease(records: readonly BuildRecord[], signal: AbortSignal): Promise<readonly BuildRecord[]> {
    const gone = () =>
      records.filter(
        ({ artifact }) => !artifactFiles(artifact).every((name) => existsSync(this.#pathOf(name))),
      );
    try {
      const held = await guarded(this.#options, signal, () => {
        const isFirst = this.#lease.isEmpty;
        this.#lease.add(records.flatMap(({ artifact }) => artifactFiles(artifact)));
        this.#noteUse(records);
        if (isFirst) this.#clearDead();
        return gone();
      });
      return held ?? [];
    } catch {
      return gone(); // a read-only store: no process of this machine removes anything from it either
    }
  }

  noteUse(records: readonly BuildRecord[]): void {
    if (usedToday(this.#places, this.#options.project)) return;
    attempt(() => this.#noteUse(records)); // the store may be read-only
  }

  async examine(artifact: Artifact, signal: AbortSignal): Promise<boolean> {
    const seen = new Set<string>();
    for (const first of artifactFiles(artifact)) {
      for (let name: string | undefined = first; name !== undefined && !seen.has(name); ) {
        seen.add(name);
        const file = path.join(this.artifactDirectory, name);
        const digest = await digestFile(file, signal).catch(() => undefined); // unreadable
        if (signal.aborted) return true;
        if (digest === undefined || !name.includes(digest)) {
          this.#setAside(file, 'is damaged');
          return false;
        }
        name = backingArtifact(file);
      }
    }
    return true;
  }

  chain(disk: ArtifactName): readonly (ArtifactName & { readonly bytes: number })[] {
    const chain: (ArtifactName & { bytes: number })[] = [];
    const seen = new Set<string>();
    for (let name: string | undefined = diskFile(disk); name !== undefined && !seen.has(name); ) {
      seen.add(name);
      const file = path.join(this.artifactDirectory, name);
      const parsed = parseArtifactFile(name);
      if (parsed) chain.push({ ...parsed, bytes: statSync(file).size });
      name = backingArtifact(file);
    }
    return chain;
  }

  release(): void {
    this.#lease.release();
  }

  async evict(signal: AbortSignal): Promise<void> {
    const { limits, onEvict } = this.#options;
    const { evict } = await import('../upkeep/collect.ts');
    const collected = await evict(limits, { ...this.#options, places: this.#places }, signal);
    if (collected) onEvict(collected);
  }

  async drop(names: readonly string[]): Promise<void> {
    const { dropUnused } = await import('../upkeep/collect.ts');
    await dropUnused(names, { ...this.#options, places: this.#places });
  }

  logOf(key: Key): string {
    return path.join(this.#places.keys, `${key}.log`);
  }

  async forget(key: Key): Promise<void> {
    rmSync(this.#recordFile(key), { force: true });
  }

  async *read(disk: ArtifactName, cut: Pieces): AsyncIterable<Buffer> {
    const { filePieces } = await import('./file-pieces.ts');
    yield* filePieces(this.#pathOf(diskFile(disk)), cut);
  }

  async has({ keeping, disks }: Artifact): Promise<boolean> {
    for (const disk of disks) if (!(await this.#hasDisk(disk, keeping))) return false;
    return true;
  }

  async #hasDisk(disk: ArtifactDisk, keeping: Retention): Promise<boolean> {
    const file = this.#pathOf(diskFile({ ...disk, keeping }));
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    if (stat.size !== disk.bytes) {
      this.#setAside(file, `has ${stat.size} bytes instead of ${disk.bytes}`);
      return false;
    }
    if (await isIntact(file, stat, disk, this.#options.bootId)) return true;
    this.#setAside(file, 'was modified: its digest has changed');
    return false;
  }

  async lock(
    name: string,
    onWait: (owner: string) => void,
    signal: AbortSignal,
  ): Promise<Result<Disposable | undefined>> {
    const { directory, owner, isAlive } = this.#options;
    try {
      return ok(
        await takeLock({ file: path.join(directory, 'locks', name), owner, isAlive, onWait, signal }),
      );
    } catch (error) {
      return cannotWriteStore(directory, error, this.#options.project);
    }
  }

  async draft(): Promise<Result<Draft>> {
    try {
      for (const directory of [this.artifactDirectory, this.#places.keys]) makeDirectoryDurably(directory);
      if (markVersion(this.#options.directory, STORE_VERSION))
        shareWithGroup(path.join(this.#options.directory, 'version'));
    } catch (error) {
      return cannotWriteStore(this.#options.directory, error, this.#options.project);
    }
    const name = `.tmp-${this.#options.owner}-${randomUUID()}`;
    const file = path.join(this.artifactDirectory, name);
    return ok(new LocalDraft(file, this.#places.keys, this, this.#options.bootId));
  }

  /** Removes what dead processes left, where permitted: in a shared store some of it may belong to another user. */
  #clearDead(): void {
    const { owner, isAlive, project } = this.#options;
    attempt(() => removeDead(findDead(this.#places, project, isAlive), owner, isAlive));
  }

  /**
   * Throws node's fs errors. A record that is gone or that this user may not write keeps its time, and so does one that was used
   * later than now: one build with a wrong clock must not make the records that it used look old.
   */
  #noteUse(records: readonly BuildRecord[]): void {
    register(this.#places, this.#options.project);
    const now = Date.now();
    for (const { key, artifact } of records) {
      const file = this.#recordFile(key);
      if (artifact.keeping === 'uncached' || (measure(file)?.modified ?? 0) > now) continue;
      touchShared(file);
    }
  }

  #setAside(file: string, what: string): void {
    const { damaged } = this.#places;
    try {
      setAside(file, damaged);
    } catch {
      return; // another process moved it first, or the store is read-only: it stays a miss
    }
    this.#options.onDamage(`${file} ${what}; it was moved to ${damaged}`);
  }

  #pathOf(name: string): string {
    return path.join(this.artifactDirectory, name);
  }

  #recordFile(key: Key): string {
    return path.join(this.#places.keys, `${key}.json`);
  }
}

/** Removes deltas in progress whose owner is dead, where permitted. */
function clearDrafts(artifacts: string, isAlive: IsAlive): void {
  for (const draft of deadFiles(artifacts, isAlive)) {
    attempt(() => rmSync(draft, { recursive: true, force: true })); // another user's stay: harmless
  }
}
