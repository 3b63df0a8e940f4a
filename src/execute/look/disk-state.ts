// The states of a layer's disk that `vlb shell` can open, and the image of each.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Artifact, diskFile } from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import { isLayer, type LayerNode, type Lineage, lineageOf, needsOf } from '../../model/graph.ts';
import type { Plan } from '../../model/plan.ts';
import type { ImageInfo } from '../../model/ports/machine.ts';
import { failedDisks } from '../run/failed-disk.ts';
import type { Context } from '../run-context.ts';

/** A state of a layer's disk: as built, as its script starts from it, or as the script left it when it failed. */
export type DiskState = 'built' | 'parent' | 'failed';

export interface OverlayBase {
  readonly lineage: Lineage;
  /** The backing file of each overlay, absolute, by the name of the disk; without them the overlays are made like the deltas of a run. */
  readonly backing: ReadonlyMap<string, string> | undefined;
}

/** Finds the disk of a layer in a state. Fails as `usage` when there is none, naming the command to run. */
export async function findDisk(
  { node, plan, state }: { readonly node: LayerNode; readonly plan: Plan; readonly state: DiskState },
  known: ReadonlyMap<string, Artifact>,
  context: Context,
): Promise<Result<OverlayBase>> {
  // The parent is needed only for its own state; otherwise there is already a disk on top of it.
  const lineage = lineageOf(state === 'parent' ? node : { ...node, parent: undefined }, known);
  if (!lineage) {
    const needed = state === 'parent' ? needsOf(node) : node.mounts.map((mount) => mount.name);
    const missing = needed.find((name) => !known.has(name)) ?? node.name;
    const isLayerMissing = plan.some((step) => isLayer(step.node) && step.node.name === missing);
    return notBuilt(missing, node.name, isLayerMissing ? missing : node.name);
  }
  if (state === 'parent') return ok({ lineage, backing: undefined });
  if (state === 'failed') {
    const saved = await findFailed(node.name, context);
    return saved.ok ? ok({ lineage, backing: saved.value }) : saved;
  }
  const artifact = known.get(node.name);
  if (!artifact) return notBuilt(node.name, node.name, node.name);
  const { keeping, disks } = artifact;
  const backing = disks.map(
    ({ name, digest }) =>
      [name, path.join(context.store.artifactDirectory, diskFile({ digest, keeping }))] as const,
  );
  return ok({ lineage, backing: new Map(backing) });
}

/** The saved disk of a failed run. Fails as `usage` when there is none, or when a backing file of it is missing. */
async function findFailed(
  layer: string,
  { host, paths }: Context,
): Promise<Result<ReadonlyMap<string, string>>> {
  const disks = failedDisks(layer, paths);
  if (disks.size === 0) {
    return fail('usage', `no saved disk of a failed run of ${layer}`, {
      hint: `use \`vlb shell --parent ${layer}\` for what its script starts from; vlb saves the disk when the script fails, until the layer runs again`,
    });
  }
  for (const disk of disks.values()) {
    for (let file: string | undefined = disk; file !== undefined; ) {
      const info: Result<ImageInfo> = await host.images.info(file);
      if (!info.ok) return info;
      const { backing } = info.value;
      file = backing === undefined ? undefined : path.resolve(path.dirname(file), backing);
      if (file !== undefined && !existsSync(file)) {
        return fail('usage', `the backing file of the failed disk of ${layer} is missing from the store`, {
          where: { file },
          hint: `run the layer again: vlb build ${layer}`,
        });
      }
    }
  }
  return ok(disks);
}

/** @param target what a build has to be asked for: a base is built with a layer */
function notBuilt(name: string, layer: string, target: string): Result<never> {
  return name === layer
    ? fail('usage', `layer ${layer} has not been built`, {
        hint: `build it with \`vlb build ${layer}\`, or use --parent for what its script starts from, --failed for what a failed run left`,
      })
    : fail('usage', `${layer} needs ${name}, which has not been built`, {
        hint: `build it with \`vlb build ${target}\``,
      });
}
