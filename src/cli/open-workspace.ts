// The workspace that a command line means.

import path from 'node:path';
import { environmentHere, openWorkspace } from '../compose.ts';
import { findProject } from '../project/find.ts';
import { quoteCommand } from '../util/quote.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Raw } from './args/table/table.ts';
import type { GlobalOptions } from './options.ts';

export function workspaceOf(
  options: Pick<GlobalOptions, 'directory' | 'cacheDirectory' | 'stateDirectory'>,
): Workspace {
  return openWorkspace(options);
}

/** `vlb shell` with those options of this command line that a shell on the same project needs too. */
export function shellCommand(
  { directory, cacheDirectory }: GlobalOptions,
  { backend, nbd, param }: Pick<Raw<'build'>, 'backend' | 'nbd' | 'param'>,
): string {
  const { variables, directory: here } = environmentHere();
  const isElsewhere = cacheDirectory !== undefined && !variables['VLB_CACHE_DIR'];
  return quoteCommand([
    'vlb',
    ...(directory === findProject(here) ? [] : ['-C', path.relative(here, directory)]),
    'shell',
    ...(isElsewhere ? ['--cache-dir', cacheDirectory] : []),
    ...(backend === undefined || backend === 'nbd' ? [] : ['--backend', backend]),
    ...nbd.flatMap((device) => ['--nbd', device]),
    ...param.flatMap((one) => ['-p', one]),
  ]);
}
