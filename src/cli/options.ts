// The options that every command takes, as they come from the command line and as they are used.

import { statSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail, ok, type Result } from '../model/failure.ts';
import type { SharedAccess } from '../model/ports/shared-cache.ts';
import { parseCacheUse } from '../project/config/cache-use.ts';
import { findProject } from '../project/find.ts';

/** As yargs gives them. */
export interface RawGlobalOptions {
  readonly C?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly cache?: string | undefined;
  readonly color?: boolean | undefined;
  readonly noColor?: boolean | undefined;
  readonly debug?: boolean | undefined;
  /** Of a build. */
  readonly progress?: string | undefined;
}

export interface GlobalOptions {
  /** Absolute path of the project. */
  readonly directory: string;
  readonly cacheDirectory: string | undefined;
  readonly remote: SharedAccess;
  readonly colour: boolean | undefined;
}

/** Runs a command with the global options and sees to the exit status. */
export type Finish = (
  raw: RawGlobalOptions,
  command: (options: GlobalOptions) => Promise<number | Failure>,
) => Promise<void>;

/** Without -C the project is looked for upwards. Fails as `usage` when its directory is none. */
export function readGlobalOptions(raw: RawGlobalOptions): Result<GlobalOptions> {
  const directory = raw.C === undefined ? findProject(process.cwd()) : path.resolve(raw.C);
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    return fail('usage', 'there is no such directory', {
      where: { file: directory },
      hint: 'check what follows -C',
    });
  }
  const given = raw.cache ?? process.env['VLB_CACHE'];
  const from = raw.cache === undefined ? 'VLB_CACHE' : '--cache';
  const remote = parseCacheUse(given === '' ? undefined : given, from);
  if (!remote.ok) return remote;
  const cache = raw.cacheDir ?? process.env['VLB_CACHE_DIR'];
  return ok({
    directory,
    cacheDirectory: cache === undefined || cache === '' ? undefined : path.resolve(cache),
    remote: remote.value,
    colour: colourOf(raw),
  });
}

/** What the command line says of colours, if anything. */
export function colourOf({ color, noColor }: RawGlobalOptions): boolean | undefined {
  return noColor ? false : color;
}
