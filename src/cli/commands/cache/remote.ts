// vlb cache du, ls and gc --remote: what is in the shared cache, and what is taken out of it.

import path from 'node:path';
import { type Failure, fail, ok, type Result } from '../../../model/failure.ts';
import type { SharedCacheConfig } from '../../../model/ports/shared-cache.ts';
import type { SharedCacheUpkeep } from '../../../model/ports/shared-upkeep.ts';
import type { CacheLimits } from '../../../model/ports/store-upkeep.ts';
import { CONFIG_FILE, loadConfig } from '../../../project/config/config.ts';
import { createStyle, wantsColour } from '../../../report/terminal/style.ts';
import { sharedCollectedText, sharedEntriesText, sharedUsageText } from '../../../report/text/shared.ts';
import type { GlobalOptions } from '../../options.ts';
import { createInterrupt, endOf } from '../../terminal/interrupt.ts';
import { wireSharedUpkeep } from '../../wire-shared.ts';
import { type CacheOptions, type GcOptions, givenLimits, print } from './cache.ts';

/** Prints what the shared cache takes up. */
export function du(options: CacheOptions): Promise<number | Failure> {
  return keep(
    options,
    (keeper, signal) => keeper.usage(signal),
    (usage) => sharedUsageText(usage),
  );
}

/** Prints the entries of the shared cache. */
export function ls(options: CacheOptions): Promise<number | Failure> {
  const style = createStyle(wantsColour(options.colour, process.stdout));
  return keep(
    options,
    (keeper, signal) => keeper.entries(signal),
    (entries) => (entries.length === 0 ? 'the shared cache is empty' : sharedEntriesText(entries, style)),
  );
}

/** A bucket that others use as well has no limits that nobody gave. */
const NO_LIMITS: CacheLimits = { maxBytes: undefined, maxAge: undefined };

/** Removes what is over the limits of the command line, and what is of no use. */
export async function gc(options: GcOptions): Promise<number | Failure> {
  const limits = givenLimits(options, NO_LIMITS);
  if (!limits.ok) return limits.failure;
  if (options.remote === 'r' && !options.dryRun) return readOnly('gc --remote').failure;
  const { dryRun } = options;
  return keep(
    options,
    (keeper, signal) => keeper.collect(limits.value, { dryRun, signal }),
    (collected) => sharedCollectedText(collected, dryRun),
  );
}

/** The shared cache that vlb.yaml names. Fails as `usage` when there is none to work with. */
export function usableCache(
  { shared }: { readonly shared?: SharedCacheConfig | undefined },
  { directory, remote }: GlobalOptions,
): Result<SharedCacheConfig> {
  if (!shared) {
    return fail('usage', 'the project has no shared cache', {
      where: { file: path.join(directory, CONFIG_FILE) },
      hint: 'it would say cache:, below that s3:, and below that bucket: NAME',
    });
  }
  if (remote !== 'off') return ok(shared);
  return fail('usage', 'the shared cache is turned off', { hint: 'see --cache and VLB_CACHE' });
}

/** For a command that writes where nothing is to be written. */
export function readOnly(command: string): { readonly ok: false; readonly failure: Failure } {
  return fail('usage', `vlb cache ${command} writes to the shared cache, which is only to be read`, {
    hint: 'see --cache and VLB_CACHE',
  });
}

async function keep<T>(
  options: CacheOptions,
  work: (keeper: SharedCacheUpkeep, signal: AbortSignal) => Promise<Result<T>>,
  text: (value: T) => string,
): Promise<number | Failure> {
  const config = await loadConfig(options.directory);
  if (!config.ok) return config.failure;
  const shared = usableCache(config.value, options);
  if (!shared.ok) return shared.failure;
  const interrupt = createInterrupt();
  interrupt.listen();
  const keeper = await wireSharedUpkeep(shared.value);
  try {
    const done = await work(keeper, interrupt.signal);
    if (!done.ok) return endOf(done.failure, interrupt);
    return print(options, done.value, () => text(done.value));
  } finally {
    keeper.close();
  }
}
