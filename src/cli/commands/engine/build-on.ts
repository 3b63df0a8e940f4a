// vlb build --on: the same on the machines of a cluster.

import path from 'node:path';
import type { EngineName } from '../../../model/engine/engine.ts';
import type { Finished } from '../../../model/event.ts';
import type { Result } from '../../../model/failure.ts';
import type { BuildRequest } from '../../../workspace/build.ts';
import { buildOn as buildPlaced } from '../../../workspace/place/build-on.ts';
import { workspaceOf } from '../../open-workspace.ts';
import type { GlobalOptions } from '../../options.ts';
import { PACKAGE_ROOT } from '../../package-root.ts';

/** Builds on an engine. Fails only if nothing was begun. */
export function buildOn(
  engine: EngineName,
  request: BuildRequest,
  options: GlobalOptions,
): Promise<Result<Finished>> {
  const launcher = path.join(PACKAGE_ROOT, 'bin/vlb');
  return buildPlaced(workspaceOf(options), engine, { ...request, launcher });
}
