// vlb store: what is in the store, and what is taken out of it.

import { type Failure, fail, ok, type Result } from '../../../model/failure.ts';
import { type CacheLimits, DEFAULT_LIMITS } from '../../../model/ports/store-upkeep.ts';
import { loadConfig } from '../../../project/config/config.ts';
import { AGE_RULE, parseMaxAge, parseMaxSize, SIZE_RULE } from '../../../project/config/limits.ts';
import {
  badText,
  clearedText,
  collectedText,
  entriesText,
  usageText,
  verifiedText,
} from '../../../report/text/cache.ts';
import { EXIT } from '../../exit-status.ts';
import { workspaceOf } from '../../open-workspace.ts';
import type { GlobalOptions } from '../../options.ts';
import { createInterrupt, endOf } from '../../terminal/interrupt.ts';
import { printResult } from '../../terminal/streams.ts';

export interface CacheOptions extends GlobalOptions {
  readonly json: boolean | undefined;
}

/** Prints what the store takes up. */
export async function du(options: CacheOptions): Promise<number | Failure> {
  const limits = await limitsOf(options, {});
  if (!limits.ok) return limits.failure;
  const usage = await (await open(options)).usage();
  return printResult(options, { ...usage, limits: limits.value }, () => usageText(usage, limits.value));
}

/** Prints the store's entries. */
export async function ls(options: CacheOptions): Promise<number | Failure> {
  const entries = await (await open(options)).entries();
  return printResult(options, entries, (style) =>
    entries.length === 0 ? 'the cache is empty' : entriesText(entries, style),
  );
}

export interface GcOptions extends CacheOptions, GivenLimits {
  readonly dryRun: boolean | undefined;
}

/** Removes what is over the limits. */
export async function gc(options: GcOptions): Promise<number | Failure> {
  const limits = await limitsOf(options, options);
  if (!limits.ok) return limits.failure;
  const dryRun = options.dryRun === true;
  const collected = await (await open(options)).collect(limits.value, { dryRun });
  if (!collected.ok) return collected.failure;
  return printResult(options, collected.value, () => collectedText(collected.value, dryRun));
}

/** Removes everything that no running build holds. */
export async function clear(options: CacheOptions): Promise<number | Failure> {
  const cleared = await (await open(options)).clear();
  if (!cleared.ok) return cleared.failure;
  return printResult(options, cleared.value, () => clearedText(cleared.value));
}

/** Reads the whole store; the exit status is that of failed work when something was bad. */
export async function verify(options: CacheOptions): Promise<number | Failure> {
  const interrupt = createInterrupt();
  interrupt.listen();
  const keeper = await open(options, interrupt.signal);
  const verified = await keeper.verify((bad) => process.stderr.write(`${badText(bad)}\n`), interrupt.signal);
  if (!verified.ok) return endOf(verified.failure, interrupt);
  printResult(options, verified.value, () => verifiedText(verified.value));
  return verified.value.bad.length === 0 ? EXIT.ok : EXIT.work;
}

function open(options: CacheOptions, signal = new AbortController().signal) {
  const { paths, parts } = workspaceOf(options);
  return parts.openStoreUpkeep(paths, signal);
}

/** What the command line says, what vlb.yaml says where it says nothing, else the defaults. */
async function limitsOf({ directory }: GlobalOptions, given: GivenLimits): Promise<Result<CacheLimits>> {
  const config = await loadConfig(directory);
  return config.ok ? givenLimits(given, { ...DEFAULT_LIMITS, ...config.value.cache }) : config;
}

/** As on the command line; undefined where that says nothing. */
export interface GivenLimits {
  readonly maxSize?: string | undefined;
  readonly maxAge?: string | undefined;
}

/** The limits of the command line, or where that says nothing these others. Fails as `usage`. */
export function givenLimits({ maxSize, maxAge }: GivenLimits, others: CacheLimits): Result<CacheLimits> {
  const size = maxSize === undefined ? { value: others.maxBytes } : parseMaxSize(maxSize);
  if (!size) return fail('usage', `--max-size ${maxSize}: ${SIZE_RULE}`);
  const age = maxAge === undefined ? { value: others.maxAge } : parseMaxAge(maxAge);
  if (!age) return fail('usage', `--max-age ${maxAge}: ${AGE_RULE}`);
  return ok({ maxBytes: size.value, maxAge: age.value });
}
