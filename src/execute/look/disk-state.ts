// The states of a layer's disk that a person can look at, and the image of each.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Artifact, artifactFile } from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import { type LayerNode, needsOf } from '../../model/graph.ts';
import { type Below, belowOf } from '../../plan/key.ts';
import { failedDisk } from '../run/failed-disk.ts';
import type { Context } from '../run-context.ts';

/** Which state of a layer's disk: as it was built, as its script gets it, or as the script left it when it failed. */
export type DiskState = 'built' | 'parent' | 'failed';

export interface Found {
  readonly below: Below;
  /** The image that the overlay goes on, absolute; without one it is made like the delta of a run. */
  readonly backing: string | undefined;
}

/** Finds the disk of a layer in a state. Fails as `usage` where there is none, naming what to run. */
export async function findDisk(
  { node, state }: { readonly node: LayerNode; readonly state: DiskState },
  known: ReadonlyMap<string, Artifact>,
  context: Context,
): Promise<Result<Found>> {
  // The parent itself is only looked at in its own state; otherwise the disk that stands on it is there already.
  const below = belowOf(state === 'parent' ? node : { ...node, parent: undefined }, known);
  if (!below) {
    const wanted = state === 'parent' ? needsOf(node) : node.mounts.map((mount) => mount.name);
    return notBuilt(wanted.find((name) => !known.has(name)) ?? node.name, node.name);
  }
  if (state === 'parent') return ok({ below, backing: undefined });
  if (state === 'failed') {
    const kept = await findFailed(node.name, context);
    return kept.ok ? ok({ below, backing: kept.value }) : kept;
  }
  const artifact = known.get(node.name);
  if (!artifact) return notBuilt(node.name, node.name);
  return ok({ below, backing: path.join(context.store.artifactDirectory, artifactFile(artifact)) });
}

/** The kept disk of a failure. Fails as `usage` when there is none, or when the store lost what it stands on. */
async function findFailed(layer: string, { host, paths }: Context): Promise<Result<string>> {
  const disk = failedDisk(layer, paths);
  if (!existsSync(disk)) {
    return fail('usage', `there is no disk of a failed run of ${layer}`, {
      hint: `one is kept when its script fails, until it runs again; \`vlb shell --parent ${layer}\` shows what the script starts from`,
    });
  }
  for (let file = disk; ; ) {
    const info = await host.images.info(file);
    if (!info.ok) return info;
    const { backing } = info.value;
    if (backing === undefined) return ok(disk);
    file = path.resolve(path.dirname(file), backing);
    if (!existsSync(file)) {
      return fail('usage', `what the disk of the failed run of ${layer} stands on is gone from the store`, {
        where: { file },
        hint: `run it again: vlb build ${layer}`,
      });
    }
  }
}

function notBuilt(name: string, layer: string): Result<never> {
  return name === layer
    ? fail('usage', `layer ${layer} has not been built`, {
        hint: `build it with \`vlb build ${layer}\`; --parent shows what its script starts from, --failed what a failed run left`,
      })
    : fail('usage', `${layer} needs ${name}, which has not been built`, {
        hint: `build it with \`vlb build ${name === 'base' ? layer : name}\``,
      });
}
