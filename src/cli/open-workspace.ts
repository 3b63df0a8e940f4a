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

/** `-C DIR`, where a command on the same project needs it. */
export function projectWords({ directory }: Pick<GlobalOptions, 'directory'>): readonly string[] {
  const { directory: here } = environmentHere();
  return directory === findProject(here) ? [] : ['-C', path.relative(here, directory)];
}

/** `vlb shell` with those options of this command line that a shell on the same project needs too. */
export function shellCommand(
  options: GlobalOptions,
  { backend, nbd, param }: Pick<Raw<'build'>, 'backend' | 'nbd' | 'param'>,
): string {
  const { cacheDirectory } = options;
  const { variables } = environmentHere();
  const isElsewhere = cacheDirectory !== undefined && !variables['VLB_CACHE_DIR'];
  return quoteCommand([
    'vlb',
    ...projectWords(options),
    'shell',
    ...(isElsewhere ? ['--cache-dir', cacheDirectory] : []),
    ...(backend === undefined || backend === 'nbd' ? [] : ['--backend', backend]),
    ...nbd.flatMap((device) => ['--nbd', device]),
    ...param.flatMap((one) => ['-p', one]),
  ]);
}
