// The entries of a store: how they are listed and removed.

import { renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArtifactFile } from '../../model/artifact.ts';
import { failAt, type Result } from '../../model/failure.ts';
import type { CacheEntry } from '../../model/ports/store-upkeep.ts';
import type { GuardOptions } from '../locks/lock.ts';
import type { StorePlaces } from '../names.ts';
import type { StoredArtifact, StoredRecord } from './inventory.ts';
import type { ProjectPlaces } from './projects.ts';

/** What every operation of the upkeep needs. */
export interface UpkeepOptions extends GuardOptions {
  readonly places: StorePlaces;
  /** The project on whose behalf it runs. */
  readonly project: ProjectPlaces;
}

/** The entries of an artifact for listings: one for each record that names it. */
export function entriesOf(artifact: StoredArtifact, inPlace: boolean): CacheEntry[] {
  const name = parseArtifactFile(artifact.name);
  if (!name) return [];
  const common = { ...name, bytes: artifact.disk, inPlace };
  const changed = new Date(artifact.changed).toISOString();
  if (artifact.namedBy.length === 0) {
    return [{ ...common, layer: undefined, key: undefined, created: changed, lastUsed: changed }];
  }
  return artifact.namedBy.map(({ record, lastUsed }) => ({
    ...common,
    layer: record.layer,
    key: record.key,
    created: record.created,
    lastUsed: new Date(lastUsed).toISOString(),
  }));
}

function removeRecord({ file }: StoredRecord): void {
  rmSync(file, { force: true });
  rmSync(file.replace(/\.json$/, '.log'), { force: true });
}

let removed = 0;

/**
 * Removes an artifact from a store: its records first, so that a crash leaves none that refers to a missing artifact.
 * Only renames the file, to the name of a draft, and returns its path for the caller to unlink outside of the guard:
 * unlinking large files takes long. Throws node's fs errors.
 */
export function removeArtifact(artifact: StoredArtifact, { places, owner }: UpkeepOptions): string {
  for (const record of artifact.records) removeRecord(record);
  const file = path.join(places.artifacts, `.tmp-${owner}-removed-${removed++}`);
  renameSync(path.join(places.artifacts, artifact.name), file);
  return file;
}

/** The failure for a store in which nothing can be removed or moved. */
export function cannotChangeStore(directory: string, error: unknown): Result<never> {
  return failAt(directory, 'cannot change the store', error);
}
