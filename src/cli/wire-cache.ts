// The composition root of the store's keeping: which implementation `vlb cache` works on.

import { ownerIsAlive, ownerName } from '../host/process/owner.ts';
import { removeRun } from '../host/system/leftovers.ts';
import type { CacheKeeper } from '../model/ports/store-upkeep.ts';
import { projectPaths } from '../project/project.ts';
import { openKeeper } from '../store/upkeep/keeper.ts';

/** The keeping of a project's store, which need not be there. */
export function wireCache(
  directory: string,
  cacheDirectory: string | undefined,
  signal: AbortSignal,
): CacheKeeper {
  const paths = projectPaths(directory, cacheDirectory);
  return openKeeper({
    directory: paths.store,
    owner: ownerName(),
    isAlive: ownerIsAlive,
    project: paths,
    removeTree: removeRun,
    signal,
  });
}
