// The store in a local directory: artifacts by digest, records by key.

import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import path from 'node:path';
import { type Artifact, artifactFile, type BuildRecord, type Key } from '../model/artifact.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import type { CommitRequest, Draft, Store } from '../model/store.ts';
import { digestFile, flushDirectory, flushFile, writeFileDurably } from './durable.ts';
import { takeLock } from './lock.ts';
import { parseRecord } from './record.ts';

export interface LocalStoreOptions {
  readonly directory: string;
  /** The name of this process, see src/host/linux/owner.ts: drafts carry it and are rubbish once it is dead. */
  readonly owner: string;
  readonly isAlive: (owner: string) => boolean;
  /** Told about entries that were found damaged and moved aside. */
  readonly onDamage: (message: string) => void;
}

/**
 * Opens a store. Nothing is made: for those who only look it may be read-only, or not there yet. Fails as `host` when it
 * cannot be read.
 */
export function openLocalStore(options: LocalStoreOptions): Result<Store> {
  const artifacts = path.join(options.directory, 'sha256');
  try {
    clearDrafts(artifacts, options.isAlive);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException; // node's fs throws nothing else
    if (code !== 'ENOENT') {
      const where = { file: options.directory };
      return fail('host', `the store cannot be read: ${message}`, { where, hint: ELSEWHERE });
    }
  }
  return ok(new LocalStore(artifacts, path.join(options.directory, 'keys'), options));
}

class LocalStore implements Store {
  readonly artifactDirectory: string;
  readonly #keys: string;
  readonly #options: LocalStoreOptions;

  constructor(artifacts: string, keys: string, options: LocalStoreOptions) {
    this.artifactDirectory = artifacts;
    this.#keys = keys;
    this.#options = options;
  }

  async lookup(key: Key): Promise<BuildRecord | undefined> {
    const file = this.#recordFile(key);
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      return undefined;
    }
    const record = parseRecord(text);
    if (record?.key !== key) {
      this.#setAside(file, 'is damaged');
      return undefined;
    }
    if (await this.holds(record.artifact)) return record;
    this.#setAside(file, `names an artifact that is not there whole: ${artifactFile(record.artifact)}`);
    return undefined;
  }

  async recordsLike(prefix: string): Promise<readonly BuildRecord[]> {
    const texts = readdirOrNone(this.#keys)
      .filter((name) => name.startsWith(prefix) && name.endsWith('.json'))
      .map((name) => readFileSync(path.join(this.#keys, name), 'utf8'));
    return texts.map(parseRecord).filter((record) => record !== undefined);
  }

  async forget(key: Key): Promise<void> {
    rmSync(this.#recordFile(key), { force: true });
  }

  async holds(artifact: Artifact): Promise<boolean> {
    const file = path.join(this.artifactDirectory, artifactFile(artifact));
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    if (stat.size === artifact.bytes) return true;
    this.#setAside(file, `has ${stat.size} bytes instead of ${artifact.bytes}`);
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
      return cannotWrite(directory, error);
    }
  }

  async draft(): Promise<Result<Draft>> {
    try {
      mkdirSync(this.artifactDirectory, { recursive: true });
      mkdirSync(this.#keys, { recursive: true });
    } catch (error) {
      return cannotWrite(this.#options.directory, error);
    }
    const name = `.tmp-${this.#options.owner}-${randomUUID()}`;
    return ok(new LocalDraft(path.join(this.artifactDirectory, name), this.#keys, this));
  }

  /** A damaged entry is never used and never fatal; it is kept for a look, out of the way. */
  #setAside(file: string, what: string): void {
    const aside = path.join(this.#options.directory, 'damaged');
    try {
      mkdirSync(aside, { recursive: true });
      renameSync(file, path.join(aside, path.basename(file)));
    } catch {
      return; // another process was quicker, or the store is read-only: it stays a miss
    }
    this.#options.onDamage(`${file} ${what}; it was moved to ${aside}`);
  }

  #recordFile(key: Key): string {
    return path.join(this.#keys, `${key}.json`);
  }
}

class LocalDraft implements Draft {
  readonly path: string;
  readonly #keys: string;
  readonly #store: Store;

  constructor(file: string, keys: string, store: Store) {
    this.path = file;
    this.#keys = keys;
    this.#store = store;
  }

  async commit(about: CommitRequest): Promise<Result<BuildRecord>> {
    try {
      return ok(await this.#commit(about));
    } catch (error) {
      if (about.signal.aborted) return fail('interrupted', 'the commit was interrupted');
      return cannotWrite(this.#store.artifactDirectory, error);
    }
  }

  async #commit({ keeping, startedAt, log, signal, ...about }: CommitRequest): Promise<BuildRecord> {
    await flushFile(this.path, signal);
    const digest = await digestFile(this.path, signal);
    const artifact: Artifact = { digest, keeping, bytes: statSync(this.path).size };
    const record: BuildRecord = {
      schema: 1,
      ...about,
      artifact,
      seconds: Math.round((performance.now() - startedAt) * 1) / 1000,
      created: new Date().toISOString(),
    };
    const earlier = keeping === 'cached' ? await this.#store.lookup(about.key) : undefined;
    if (earlier) return earlier;
    chmodSync(this.path, 0o444);
    const file = path.join(this.#store.artifactDirectory, artifactFile(artifact));
    const isNew = !existsSync(file);
    renameSync(this.path, file);
    flushDirectory(this.#store.artifactDirectory);
    // An uncached layer's record is its project's business, see InPlace.
    if (keeping === 'uncached') return record;
    const published = await this.#publish(record, log);
    // Somebody was quicker by a hair: these bytes are nobody's, unless they were there before.
    if (isNew && published.artifact.digest !== digest) rmSync(file, { force: true });
    return published;
  }

  /** Writes the record unless there is one by now: then that one counts, and the bytes here are nobody's. */
  async #publish(record: BuildRecord, log: string | undefined): Promise<BuildRecord> {
    const file = path.join(this.#keys, `${record.key}.json`);
    const temporary = `${this.path}.json`;
    writeFileDurably(temporary, `${JSON.stringify(record, undefined, 1)}\n`);
    try {
      linkSync(temporary, file); // link(2) fails where the name is taken, so the first writer wins
      if (log !== undefined) this.#keepLog(log, record.key);
      flushDirectory(this.#keys);
      return record;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // node's fs throws nothing else
      const winner = await this.#store.lookup(record.key);
      if (winner) return winner;
      linkSync(temporary, file); // the winner was damaged and has been moved aside
      return record;
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  /** A log is for people: without it the build is no worse. */
  #keepLog(log: string, key: Key): void {
    try {
      copyFileSync(log, path.join(this.#keys, `${key}.log`));
    } catch {
      return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.path, { force: true });
  }
}

function readdirOrNone(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // nothing was built yet
  }
}

/** Removes deltas in progress whose owner is dead, if this process may. */
function clearDrafts(artifacts: string, isAlive: (owner: string) => boolean): void {
  for (const name of readdirSync(artifacts)) {
    const owner = /^\.tmp-(\d+-[^-]+)-/.exec(name)?.[1];
    if (owner === undefined || isAlive(owner)) continue;
    try {
      rmSync(path.join(artifacts, name), { force: true });
    } catch {
      return; // a store of somebody else, or a read-only one: a nuisance, no more
    }
  }
}

const ELSEWHERE = 'choose another directory with --cache-dir DIR or VLB_CACHE_DIR';

function cannotWrite(directory: string, error: unknown): Result<never> {
  const { code, message } = error as NodeJS.ErrnoException; // node's fs throws nothing else
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return fail('host', 'there is no space left for the store', {
      where: { file: directory },
      hint: 'make room there, or move the store: --cache-dir DIR',
    });
  }
  return fail('host', `the store cannot be written: ${message}`, {
    where: { file: directory },
    hint: ELSEWHERE,
  });
}
