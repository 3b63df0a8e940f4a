// Checks, before a build changes anything, that this host can run its layers.

import { ok, type Result } from '../model/failure.ts';
import type { Node } from '../model/graph.ts';
import { makesItsOwnDisk, needsDevice } from './kinds/legacy-disk.ts';
import type { Context } from './run-context.ts';

/** Fails as `host` with the reason and the cure, or as `usage` when a secret is missing. */
export async function checkHost(
  running: readonly Node[],
  { host, paths, secrets }: Pick<Context, 'host' | 'paths' | 'secrets'>,
): Promise<Result<void>> {
  if (running.length === 0) return ok();
  const able = await host.check();
  if (!able.ok) return able;
  for (const node of running) {
    if (node.type === 'layer' && makesItsOwnDisk(node.layer) && !host.lendsDevices) {
      return needsDevice(node.layer);
    }
    const given = node.type === 'layer' ? secrets.of(node.layer) : ok();
    if (!given.ok) return given;
  }
  return host.clearLeftovers(paths.runs);
}
