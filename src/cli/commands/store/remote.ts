// vlb store du, ls and gc --remote: what is in the shared cache, and removing some of it.

import { type Failure, fail, type Result } from '../../../model/failure.ts';
import type { SharedCacheUpkeep } from '../../../model/ports/shared-upkeep.ts';
import type { CacheLimits } from '../../../model/ports/store-upkeep.ts';
import { loadConfig } from '../../../project/config/config.ts';
import type { Style } from '../../../report/terminal/style.ts';
import {
  sharedClaimsText,
  sharedCollectedText,
  sharedEntriesText,
  sharedUsageText,
} from '../../../report/text/shared.ts';
import { readOnly, usableCache } from '../../../workspace/share.ts';
import type { Raw } from '../../args/table/table.ts';
import { workspaceOf } from '../../open-workspace.ts';
import type { GlobalOptions } from '../../options.ts';
import { createInterrupt, endOf } from '../../terminal/interrupt.ts';
import { printResult } from '../../terminal/streams.ts';
import { type CacheOptions, type GcOptions, givenLimits } from './store.ts';

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
  return keep(
    options,
    (keeper, signal) => keeper.entries(signal),
    (entries, style) =>
      entries.length === 0 ? 'the shared cache is empty' : sharedEntriesText(entries, style),
  );
}

/** Prints what other machines are building. */
export async function claims(
  { remote, json }: Pick<Raw<'store ls'>, 'remote' | 'json'>,
  options: GlobalOptions,
): Promise<number | Failure> {
  if (!remote) return fail('usage', '--claims requires --remote').failure;
  return keep(
    { ...options, json },
    (keeper, signal) => keeper.claims(signal),
    (found, style) => (found.length === 0 ? 'nothing is being built' : sharedClaimsText(found, style)),
  );
}

/** A bucket that others use as well has no limits that nobody gave. */
const NO_LIMITS: CacheLimits = { maxBytes: undefined, maxAge: undefined };

/** Removes what is over the limits of the command line, and what is of no use. */
export async function gc(options: GcOptions): Promise<number | Failure> {
  const limits = givenLimits(options, NO_LIMITS);
  if (!limits.ok) return limits.failure;
  if (options.remote === 'r' && !options.dryRun) return readOnly('gc --remote').failure;
  const dryRun = options.dryRun === true;
  return keep(
    options,
    (keeper, signal) => keeper.collect(limits.value, { dryRun, signal }),
    (collected) => sharedCollectedText(collected, dryRun),
  );
}

async function keep<T>(
  options: CacheOptions,
  work: (keeper: SharedCacheUpkeep, signal: AbortSignal) => Promise<Result<T>>,
  text: (value: T, style: Style) => string,
): Promise<number | Failure> {
  const config = await loadConfig(options.directory);
  if (!config.ok) return config.failure;
  const shared = usableCache(config.value, options.directory, options.remote);
  if (!shared.ok) return shared.failure;
  const interrupt = createInterrupt();
  interrupt.listen();
  const opened = await workspaceOf(options).parts.openSharedCacheUpkeep(shared.value);
  if (!opened.ok) return opened.failure;
  const keeper = opened.value;
  try {
    const done = await work(keeper, interrupt.signal);
    if (!done.ok) return endOf(done.failure, interrupt);
    return printResult(options, done.value, (style) => text(done.value, style));
  } finally {
    keeper.close();
  }
}
