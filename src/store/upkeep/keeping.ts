// What the keeping of a store works with, and what its parts have in common.

import { renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Digest, Keeping } from '../../model/artifact.ts';
import { fail, type Result } from '../../model/failure.ts';
import type { Amount, CacheEntry } from '../../model/ports/store-upkeep.ts';
import { systemError } from '../../util/errors.ts';
import { namesIn } from '../../util/fs.ts';
import type { GuardOptions } from '../locks/guard.ts';
import { ARTIFACT, measure, type StorePlaces } from '../names.ts';
import type { StoredArtifact, StoredRecord } from './inventory.ts';
import { artifactsInPlace, livingProjects, type ProjectPlaces } from './projects.ts';

export interface UpkeepOptions extends GuardOptions {
  readonly places: StorePlaces;
  /** The project that asks. */
  readonly project: ProjectPlaces;
}

/** What projects have in place: this one, and every other that is registered and still there. */
export function inPlaceAnywhere({ places, project }: UpkeepOptions): ReadonlySet<string> {
  const projects = [project, ...livingProjects(places)];
  return new Set(projects.flatMap((one) => [...artifactsInPlace(one)]));
}

/** An artifact as it is told to people: once for each record that names it. */
export function entriesOf(artifact: StoredArtifact, inPlace: boolean): CacheEntry[] {
  const [, uncached, digest = ''] = ARTIFACT.exec(artifact.name) ?? [];
  const keeping: Keeping = uncached === undefined ? 'cached' : 'uncached';
  const common = { digest: digest as Digest, keeping, bytes: artifact.disk, inPlace }; // the name was matched as one
  const changed = new Date(artifact.changed).toISOString();
  if (artifact.records.length === 0) {
    return [{ ...common, layer: undefined, key: undefined, created: changed, lastUsed: changed }];
  }
  return artifact.records.map(({ record, lastUsed }) => ({
    ...common,
    layer: record.layer,
    key: record.key,
    created: record.created,
    lastUsed: new Date(lastUsed).toISOString(),
  }));
}

/** Removes a record with its log. Throws node's fs errors. */
export function removeRecord({ file }: StoredRecord): void {
  rmSync(file, { force: true });
  rmSync(file.replace(/\.json$/, '.log'), { force: true });
}

let takenOut = 0;

/**
 * Takes an artifact out of a store: its records first, so that a crash leaves none that names what is gone. Returns the
 * file under the name of a draft, to be unlinked when nobody waits: that takes long where files are large.
 * Throws node's fs errors.
 */
export function removeArtifact(artifact: StoredArtifact, { places, owner }: UpkeepOptions): string {
  for (const record of artifact.records) removeRecord(record);
  const file = path.join(places.artifacts, `.tmp-${owner}-removed-${takenOut++}`);
  renameSync(path.join(places.artifacts, artifact.name), file);
  return file;
}

/** How many files are below a directory, and what all of it takes up on the disk. */
export function amountBelow(directory: string): Amount {
  let [count, bytes] = [0, 0];
  for (const name of namesIn(directory)) {
    const file = path.join(directory, name);
    const found = measure(file);
    if (!found) continue;
    const below = found.isDirectory ? amountBelow(file) : { count: 1, bytes: 0 };
    [count, bytes] = [count + below.count, bytes + below.bytes + found.disk];
  }
  return { count, bytes };
}

/** All of them together. */
export function sum(amounts: readonly Amount[]): Amount {
  return {
    count: amounts.reduce((total, { count }) => total + count, 0),
    bytes: amounts.reduce((total, { bytes }) => total + bytes, 0),
  };
}

/** The failure for a store in which nothing can be removed or moved. */
export function cannotChangeStore(directory: string, error: unknown): Result<never> {
  const { message } = systemError(error);
  return fail('host', `the store cannot be changed: ${message}`, { where: { file: directory } });
}
