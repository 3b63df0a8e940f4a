// The options of every command: as parsed from the command line, and with defaults and the environment applied.

import { fail, ok, type Result } from '../model/failure.ts';
import type { SharedAccess } from '../model/ports/shared-cache.ts';
import { parseCacheUse } from '../project/config/cache-use.ts';
import { findProject } from '../project/find.ts';
import { canonicalPath, isDirectory, isMisread } from '../util/fs.ts';
import type { RawGlobalOptions } from './args/table/table.ts';

export interface GlobalOptions {
  /** Canonical path of the project. */
  readonly directory: string;
  readonly cacheDirectory: string | undefined;
  /** Canonical path of the directory with `.vlb` and `build`, if that is not the project: VLB_STATE_DIR. */
  readonly stateDirectory: string | undefined;
  readonly remote: SharedAccess;
  readonly color: boolean | undefined;
}

/**
 * Finds the project (without -C: in the working directory or the nearest one above) and reads VLB_CACHE and
 * VLB_CACHE_DIR. Fails as `usage` when -C is not a directory or the cache use is not valid.
 */
export function readGlobalOptions(raw: RawGlobalOptions): Result<GlobalOptions> {
  const directory = raw.C === undefined ? findProject(process.cwd()) : canonicalPath(raw.C);
  if (isMisread(directory)) return misread('the path of the project', directory);
  if (!isDirectory(directory)) {
    return fail('usage', 'no such directory', {
      where: { file: directory },
      hint: 'check the argument of -C',
    });
  }
  const given = raw.cache ?? process.env['VLB_CACHE'];
  const from = raw.cache === undefined ? 'VLB_CACHE' : '--cache';
  const remote = parseCacheUse(given === '' ? undefined : given, from);
  if (!remote.ok) return remote;
  const cache = raw.cacheDir ?? process.env['VLB_CACHE_DIR'];
  const cacheDirectory = cache === undefined || cache === '' ? undefined : canonicalPath(cache);
  if (cacheDirectory !== undefined && isMisread(cacheDirectory)) {
    return misread('the path of the store', cacheDirectory);
  }
  const state = process.env['VLB_STATE_DIR'];
  const stateDirectory = state === undefined || state === '' ? undefined : canonicalPath(state);
  if (stateDirectory !== undefined && isMisread(stateDirectory)) {
    return misread('the path in VLB_STATE_DIR', stateDirectory);
  }
  return ok({
    directory,
    cacheDirectory,
    stateDirectory,
    remote: remote.value,
    color: colorOf(raw),
  });
}

function misread(what: string, file: string): Result<never> {
  return fail('usage', `${what} is not valid UTF-8`, { where: { file }, hint: 'rename the directory' });
}

/** Whether to color the output; undefined when the command line does not say. */
export function colorOf({
  color,
  noColor,
}: Pick<RawGlobalOptions, 'color' | 'noColor'>): boolean | undefined {
  return noColor ? false : color;
}
