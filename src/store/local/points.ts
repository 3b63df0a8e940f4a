// Cache points in a local store: points/<id>.qcow2, each over the one before it or over an artifact, and points/<key>.json, which says
// which point is under a key. Older versions of vlb do not know the directory.

import { createHash, randomUUID } from 'node:crypto';
import { chmodSync, existsSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { diskFile } from '../../model/artifact.ts';
import { ok, type Result } from '../../model/failure.ts';
import type { CachePoints, Point, PointAbout } from '../../model/ports/points.ts';
import { attempt } from '../../util/errors.ts';
import { textIfAny } from '../../util/fs.ts';
import { isObject, parseObject } from '../../util/json.ts';
import type { Lease } from '../locks/lease.ts';
import { type GuardOptions, guarded } from '../locks/lock.ts';
import type { StorePlaces } from '../names.ts';
import { cannotWriteStore } from './draft.ts';
import { flushDirectory, flushFile, makeDirectoryDurably, writeFileDurably } from './durable.ts';
import { shareWithGroup } from './group-access.ts';
import { backingFile } from './qcow2-header.ts';

/** What is in a record of a point. */
export interface PointRecord extends Point {
  readonly key: string;
  readonly parent: string;
  readonly layer: string;
  readonly title: string;
  readonly bytes: number;
  /** The boot in which it was written, until it is flushed. */
  readonly boot?: string;
}

/** How a lease names a point: other versions of vlb have no artifact with this name. */
export function leaseName(id: string): string {
  return `point-${id}`;
}

export function pointFile(id: string): string {
  return `${id}.qcow2`;
}

/** The point whose file has a name. */
export function pointOf(name: string): string | undefined {
  return /^([0-9a-f]{64})\.qcow2$/.exec(name)?.[1];
}

/** The key of the record with a name. */
export function pointKeyOf(name: string): string | undefined {
  return /^([0-9a-f]{64})\.json$/.exec(name)?.[1];
}

/** The record in a text; undefined for a damaged one. */
export function parsePoint(text: string): PointRecord | undefined {
  const value = parseObject(text);
  if (!isObject(value) || value['version'] !== 1) return undefined;
  const texts = ['key', 'id', 'parent', 'layer', 'title', 'release', 'made'] as const;
  if (!texts.every((name) => typeof value[name] === 'string')) return undefined;
  if (typeof value['bytes'] !== 'number' || typeof value['since'] !== 'number') return undefined;
  if (!/^[0-9a-f]{64}$/.test(String(value['id']))) return undefined;
  if (value['boot'] !== undefined && typeof value['boot'] !== 'string') return undefined;
  return value as unknown as PointRecord; // each field was checked
}

/** What the file of a point refers to: another point, or an artifact by the name of its file. */
export function below(file: string): { readonly point: string } | { readonly artifact: string } | undefined {
  const backing = backingFile(file);
  if (backing === undefined) return undefined;
  const name = path.basename(backing);
  const point = pointOf(name);
  const isPoint = path.basename(path.dirname(backing)) === 'points';
  return isPoint && point !== undefined ? { point } : { artifact: name };
}

export interface LocalPointsOptions extends GuardOptions {
  readonly bootId: () => string;
}

export class LocalPoints implements CachePoints {
  readonly #places: StorePlaces;
  readonly #options: LocalPointsOptions;
  readonly #lease: Lease;
  #flushing: Promise<void> = Promise.resolve();

  constructor(places: StorePlaces, options: LocalPointsOptions, lease: Lease) {
    this.#places = places;
    this.#options = options;
    this.#lease = lease;
  }

  find(key: string): Point | undefined {
    const file = this.#recordFile(key);
    const record = parsePoint(textIfAny(file) ?? '');
    if (record?.key !== key) return undefined;
    const stat = statSync(this.#pathOf(record.id), { throwIfNoEntry: false });
    if (stat?.size !== record.bytes) return undefined;
    if (record.boot !== undefined && record.boot !== this.#options.bootId()) return undefined;
    if (!attempt(() => this.#isWhole(record.id))) return undefined;
    const now = new Date();
    attempt(() => utimesSync(file, now, now));
    return record;
  }

  chain(id: string): readonly { readonly id: string; readonly bytes: number }[] {
    const chain: { id: string; bytes: number }[] = [];
    for (let at: string | undefined = id; at !== undefined; ) {
      const file = this.#pathOf(at);
      chain.push({ id: at, bytes: statSync(file).size });
      const next = below(file);
      at = next && 'point' in next ? next.point : undefined;
    }
    return chain;
  }

  async lease(id: string, signal: AbortSignal): Promise<boolean> {
    const whole = await guarded(this.#options, signal, () => {
      const chain = attempt(() => this.chain(id));
      if (!chain || !this.#isWhole(id)) return false;
      this.#lease.add(chain.map((point) => leaseName(point.id)));
      // What another build wrote in this boot and had no time to flush.
      for (const point of chain.toReversed()) this.#flushLater(point.id, undefined);
      return true;
    });
    return whole ?? false;
  }

  newId(): string {
    return createHash('sha256').update(randomUUID()).digest('hex');
  }

  referenceTo(id: string): string {
    return `../points/${pointFile(id)}`;
  }

  referenceToArtifact(file: string): string {
    return `../sha256/${file}`;
  }

  async keep(
    draft: string,
    id: string,
    { key, parent, backing: _, ...about }: PointAbout,
  ): Promise<Result<void>> {
    const { points } = this.#places;
    try {
      makeDirectoryDurably(points);
      this.#lease.add([leaseName(id)]);
      const bytes = statSync(draft).size;
      chmodSync(draft, 0o444);
      renameSync(draft, this.#pathOf(id));
      const record = { version: 1, key, id, parent: diskFile(parent), ...about, bytes };
      this.#write(key, { ...record, boot: this.#options.bootId() }, (file, text) => {
        writeFileSync(file, text);
        shareWithGroup(file);
      });
      this.#flushLater(id, () => this.#write(key, record, writeFileDurably));
      return ok();
    } catch (error) {
      return cannotWriteStore(points, error);
    }
  }

  flushed(): Promise<void> {
    return this.#flushing;
  }

  release(parent: string): string | undefined {
    return textIfAny(this.#releaseFile(parent));
  }

  noteRelease(parent: string, text: string): void {
    attempt(() => {
      makeDirectoryDurably(this.#places.points);
      const temporary = `${this.#releaseFile(parent)}.${process.pid}`;
      writeFileDurably(temporary, text);
      renameSync(temporary, this.#releaseFile(parent));
    });
  }

  /** One after the other, so that a point is never believed before those below it. */
  #flushLater(id: string, after: (() => void) | undefined): void {
    this.#flushing = this.#flushing.then(async () => {
      try {
        await flushFile(this.#pathOf(id), new AbortController().signal);
        flushDirectory(this.#places.points);
        after?.();
        flushDirectory(this.#places.points);
      } catch {
        // It stays a point of this boot; or it is gone.
      }
    });
  }

  #write(key: string, record: object, write: (file: string, text: string) => void): void {
    const file = this.#recordFile(key);
    const temporary = `${file}.${process.pid}`;
    try {
      write(temporary, JSON.stringify(record, undefined, 1));
      // Another build may have kept another point under the key in the meantime: the later one stays.
      const other = parsePoint(textIfAny(file) ?? '');
      const own = parsePoint(JSON.stringify(record));
      if (write === writeFileDurably && other?.id !== own?.id) return;
      renameSync(temporary, file);
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  #isWhole(id: string): boolean {
    const seen = new Set<string>();
    for (let at = id; !seen.has(at); ) {
      seen.add(at);
      const next = below(this.#pathOf(at));
      if (next === undefined) return false;
      if ('artifact' in next) return existsSync(path.join(this.#places.artifacts, next.artifact));
      at = next.point;
    }
    return false;
  }

  #pathOf(id: string): string {
    return path.join(this.#places.points, pointFile(id));
  }

  #recordFile(key: string): string {
    return path.join(this.#places.points, `${key}.json`);
  }

  #releaseFile(parent: string): string {
    return path.join(this.#places.points, `${parent}.release`);
  }
}
