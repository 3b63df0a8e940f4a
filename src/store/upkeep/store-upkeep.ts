// The upkeep of a store in a local directory: the operations of `vlb store`.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { withNeeds } from '../../model/eviction.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { CacheEntry, CacheUsage, StoreUpkeep } from '../../model/ports/store-upkeep.ts';
import { namesIn } from '../../util/fs.ts';
import { artifactsInPlace } from '../in-place/in-place.ts';
import { checkStoreVersion, measure, RECORD, storePlaces } from '../names.ts';
import { amountBelow, amountOf, sum } from './amounts.ts';
import { type ClearOptions, clear } from './clear.ts';
import { collect } from './collect.ts';
import { cannotChangeStore, entriesOf, type UpkeepOptions } from './entries.ts';
import { readInventory } from './inventory.ts';
import { pointsAmount, readPoints } from './points.ts';
import { existingProjects } from './projects.ts';
import { verify } from './verify.ts';

const NONE = { count: 0, bytes: 0 };

/** Opens the upkeep of a store, which may be absent and is not created. */
export function openStoreUpkeep(
  options: Omit<ClearOptions, 'places'> & { readonly signal: AbortSignal },
): StoreUpkeep {
  const { signal } = options;
  const upkeep: ClearOptions = { ...options, places: storePlaces(options.directory) };
  const attempt = async <T>(work: () => Promise<T | undefined>): Promise<Result<T>> => {
    const known = checkStoreVersion(options.directory);
    if (!known.ok) return known;
    try {
      const done = await work();
      return done === undefined ? fail('interrupted', 'the work on the store was interrupted') : ok(done);
    } catch (error) {
      if (signal.aborted) return fail('interrupted', 'the work on the store was interrupted');
      return cannotChangeStore(options.directory, error);
    }
  };
  return {
    usage: async () => usage(upkeep),
    entries: async () => entries(upkeep),
    collect: async (limits, { dryRun }) => {
      if (!existsSync(options.directory))
        return ok({ removed: [], points: NONE, freed: NONE, kept: NONE, inUse: NONE });
      return attempt(() => collect(limits, upkeep, { dryRun, signal }));
    },
    clear: async () => {
      if (!existsSync(options.directory)) return ok({ freed: NONE, kept: NONE, links: 0, others: [] });
      const cleared = await attempt(() => clear(upkeep, signal));
      return cleared.ok ? cleared.value : cleared;
    },
    verify: (onBad, stop) => attempt(() => verify(upkeep, onBad, stop)),
  };
}

function entries({ places, project }: UpkeepOptions): readonly CacheEntry[] {
  const inventory = readInventory(places);
  const inPlace = withNeeds(artifactsInPlace(project), inventory);
  return [...inventory.values()]
    .flatMap((artifact) => entriesOf(artifact, inPlace.has(artifact.name)))
    .sort((a, b) => b.lastUsed.localeCompare(a.lastUsed) || (b.layer ?? '').localeCompare(a.layer ?? ''));
}

function usage({ places, project }: UpkeepOptions): CacheUsage {
  const inventory = [...readInventory(places).values()];
  const filesIn = (directory: string, test: (name: string) => boolean) =>
    sum(
      namesIn(directory)
        .filter(test)
        .map((name) => ({ count: 1, bytes: measure(path.join(directory, name))?.disk ?? 0 })),
    );
  const records = filesIn(places.keys, (name) => RECORD.test(name));
  const logs = filesIn(places.keys, (name) => name.endsWith('.log'));
  const parts = {
    records: { count: records.count, bytes: records.bytes + logs.bytes },
    artifacts: amountOf(inventory),
    drafts: filesIn(places.artifacts, (name) => name.startsWith('.tmp-')),
    damaged: amountBelow(places.damaged),
    points: pointsAmount(readPoints(places).values()),
    caches: amountBelow(places.caches),
  };
  const projects = new Set(existingProjects(places).map((one) => one.project));
  if (artifactsInPlace(project).size > 0) projects.add(project.project);
  return {
    directory: places.directory,
    ...parts,
    unrecorded: amountOf(inventory.filter((artifact) => artifact.namedBy.length === 0)),
    total: sum(Object.values(parts)),
    projects: [...projects],
  };
}
