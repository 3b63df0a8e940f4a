// Checks, before a build changes anything, that this host can run its layers.

import { needsDevice } from '../kinds/legacy-disk.ts';
import { kindOf } from '../kinds/registry.ts';
import { ok, type Result } from '../model/failure.ts';
import { isLayer, type Node } from '../model/graph.ts';
import { needsOwnKernel } from '../model/system/layout.ts';
import type { Context } from './run-context.ts';

/** Fails as `host` with the reason and the cure, or as `usage` when a secret is missing. */
export async function checkHost(
  running: readonly Node[],
  { host, paths, secrets, emit }: Pick<Context, 'host' | 'paths' | 'secrets' | 'emit'>,
): Promise<Result<void>> {
  if (running.length === 0) return ok();
  const isBooted = (node: Node) => isLayer(node) && kindOf(node.layer).place === 'guest';
  const layers = running.filter(isLayer);
  const tools = {
    withDisk: layers.flatMap(({ layer }) => layer.system?.installation?.tools ?? []),
    beside: layers.flatMap(({ layer }) => (layer.steps?.all ?? []).flatMap((step) => step.hostTool ?? [])),
    volumes: layers
      .flatMap(({ layer }) => layer.system?.installation ?? [])
      .find(({ disk }) => needsOwnKernel(disk))
      ?.placeOfVolumes(),
  };
  const able = running.every(isBooted)
    ? ok()
    : await host.check(tools, (message) => emit({ type: 'note', message }));
  if (!able.ok) return able;
  const boots = running.some(isBooted) ? await host.checkGuests() : ok();
  if (!boots.ok) return boots;
  for (const { layer } of layers) {
    if (kindOf(layer).ownsDisk && !host.lendsDevices) return needsDevice(layer);
    const given = secrets.of(layer);
    if (!given.ok) return given;
  }
  await host.clearLeftovers(paths.runs, (message) => emit({ type: 'note', message }));
  return ok();
}
