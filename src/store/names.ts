// The layout of a store's directory and the names of its files.

import { lstatSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../model/failure.ts';
import { attempt } from '../util/errors.ts';
import { newerVersion } from '../util/format-version.ts';

/** The version of a store's contents. */
export const STORE_VERSION = 1;

export interface StorePlaces {
  readonly directory: string;
  readonly artifacts: string;
  readonly keys: string;
  readonly locks: string;
  readonly leases: string;
  readonly projects: string;
  readonly damaged: string;
  readonly caches: string;
  /** Cache points, see src/store/local/points.ts. */
  readonly points: string;
}

/** The paths of a store's parts; none of them has to exist. */
export function storePlaces(directory: string): StorePlaces {
  const at = (name: string) => path.join(directory, name);
  return {
    directory,
    artifacts: at('sha256'),
    keys: at('keys'),
    locks: at('locks'),
    leases: at('leases'),
    projects: at('projects'),
    damaged: at('damaged'),
    caches: at('caches'),
    points: at('points'),
  };
}

/** The file name of a record. */
export const RECORD = /^([0-9a-f]{64})\.json$/;

export interface Measured {
  /** Bytes. */
  readonly size: number;
  /** Disk usage, bytes. */
  readonly disk: number;
  /** mtime, ms. */
  readonly modified: number;
  /** ctime, ms: of changes to the file's name or permissions too. No program can set it. */
  readonly changed: number;
  readonly isDirectory: boolean;
}

/** The status of a file, links not followed; undefined when it is gone or cannot be accessed. */
export function measure(file: string): Measured | undefined {
  const stat = attempt(() => lstatSync(file));
  if (!stat) return undefined;
  const { size, mtimeMs: modified, ctimeMs: changed } = stat;
  // st_blocks counts 512 bytes, whatever the file system's blocks are: stat(2).
  return { size, disk: stat.blocks * 512, modified, changed, isDirectory: stat.isDirectory() };
}

/** Fails as `host` when a newer vlb wrote the store in a directory, which may be absent. */
export function checkStoreVersion(directory: string): Result<void> {
  const newer = newerVersion(directory, STORE_VERSION);
  if (newer === undefined) return ok();
  const versions = `store version ${newer}; this one knows ${STORE_VERSION}`;
  return fail('host', `the store was written by a newer vlb (${versions})`, {
    where: { file: directory },
    hint: 'use that vlb, or another store: --cache-dir DIR',
  });
}
