// A store in a directory, opened as vlb opens it, by a process and for a project that tests choose.

import path from 'node:path';
import type { Result } from '../../src/model/failure.ts';
import type { Store } from '../../src/model/ports/store.ts';
import { DEFAULT_LIMITS } from '../../src/model/ports/store-upkeep.ts';
import { type LocalStoreOptions, openLocalStore } from '../../src/store/local/local-store.ts';
import type { ProjectPlaces } from '../../src/store/upkeep/projects.ts';

/** Where a project in a directory keeps what vlb makes. */
export function placesOf(project: string): ProjectPlaces {
  return { project, build: path.join(project, 'build'), state: path.join(project, '.vlb') };
}

/** What is not given is as in a project beside the store, with the limits that a project has by default. */
export function openStore(
  options: Pick<LocalStoreOptions, 'directory' | 'owner' | 'isAlive'> & Partial<LocalStoreOptions>,
): Result<Store> {
  return openLocalStore({
    bootId: () => 'b00710ad',
    onDamage: () => {},
    project: placesOf(path.join(path.dirname(options.directory), 'project')),
    limits: DEFAULT_LIMITS,
    onEvict: () => {},
    ...options,
  });
}
