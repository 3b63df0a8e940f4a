// The composition root of the store's keeping: which implementation `vlb cache` works on.

import { ownerIsAlive, ownerName } from '../host/process/owner.ts';
import { removeRun } from '../host/system/leftovers.ts';
import type { StoreUpkeep } from '../model/ports/store-upkeep.ts';
import { projectPaths } from '../project/project.ts';
import { openStoreUpkeep } from '../store/upkeep/store-upkeep.ts';

/** The keeping of a project's store, which need not be there. */
export function wireCache(
  directory: string,
  cacheDirectory: string | undefined,
  signal: AbortSignal,
): StoreUpkeep {
  const paths = projectPaths(directory, cacheDirectory);
  return openStoreUpkeep({
    directory: paths.store,
    owner: ownerName(),
    isAlive: ownerIsAlive,
    project: paths,
    removeTree: removeRun,
    signal,
  });
}
