// What a build does at its end for a store that has grown over its limits.

import { ok, type Result } from '../../model/failure.ts';
import type { CacheLimits, Collected } from '../../model/ports/store-upkeep.ts';
import { collect, isOverLimits } from './collect.ts';
import { cannotChangeStore, type UpkeepOptions } from './keeping.ts';

/** Undefined when there was nothing to do, or the signal came first. */
export async function evict(
  limits: CacheLimits,
  options: UpkeepOptions,
  signal: AbortSignal,
): Promise<Result<Collected> | undefined> {
  try {
    if (!isOverLimits(options.places, limits)) return undefined;
    const collected = await collect(limits, options, { dryRun: false, signal });
    return collected && ok(collected);
  } catch (error) {
    return cannotChangeStore(options.directory, error);
  }
}
