// What the disk of a layer was made from, layer by layer, and how the system on it is mounted.

import { existsSync } from 'node:fs';
import { runsInImage } from '../../kinds/registry.ts';
import { type Artifact, type Digest, MAIN_DISK } from '../../model/artifact.ts';
import { isLayer, type Node } from '../../model/graph.ts';
import type { Plan } from '../../model/plan.ts';
import type { ExportLayer, ExportSystem } from '../../model/ports/exporter.ts';
import type { MountOptions } from '../../model/ports/machine.ts';
import { imageOf } from '../../model/ports/viewer.ts';
import { keyOf, parseRecipe } from '../../model/recipe.ts';
import type { RecipeOf } from '../../plan/plan.ts';
import { locateTarget } from '../../project/inputs/bind-sources.ts';
import type { Context } from '../run-context.ts';
import type { ExportedDisk } from './manifest.ts';

/** What is built, as far as exports read it. */
export interface Known {
  readonly plan: Plan;
  readonly recipeOf: RecipeOf;
  readonly artifacts: ReadonlyMap<string, Artifact>;
  readonly context: Pick<Context, 'store' | 'paths'>;
}

export interface BuiltFrom {
  /** All layers, the lowest first. */
  readonly layers: ExportedDisk['layers'];
  /** With those layers whose disks are in the store: where a chain was shortened, the disks in between may be gone. */
  readonly system: ExportSystem;
}

/** What a layer and what it is built on left. @param disk whose digests are in the list of layers */
export function builtFrom(
  name: string,
  { plan, recipeOf, artifacts, context }: Known,
  disk = MAIN_DISK,
): BuiltFrom {
  const nodes = new Map<string, Node>(plan.map(({ node }) => [node.name, node]));
  const layers: { layer: string; key: string; digest: Digest }[] = [];
  const states: ExportLayer[] = [];
  for (let node = nodes.get(name); node; node = nodes.get(node.parent ?? '')) {
    const artifact = artifacts.get(node.name);
    const recipe = recipeOf(node, artifacts);
    if (!artifact || recipe === undefined) break;
    const digest = artifact.disks.find((one) => one.name === disk)?.digest;
    if (digest !== undefined) layers.unshift({ layer: node.name, key: keyOf(recipe), digest });
    const isDescendant = runsInImage(parseRecipe(recipe).kind);
    const image = imageOf(artifact, context.store.artifactDirectory);
    const [above] = states;
    if (above === undefined || existsSync(image.file)) {
      states.unshift({ name: node.name, image, isDescendant });
    } else {
      states[0] = { ...above, isDescendant: above.isDescendant && isDescendant };
    }
  }
  return { layers, system: { layers: states, mount: mountOptions(nodes.get(name)) } };
}

function mountOptions(node: Node | undefined): MountOptions {
  const layer = node && isLayer(node) ? node.layer : undefined;
  const { rootPartition, fstab, partitionMounts = [] } = layer?.hints ?? {};
  return {
    partitionMounts,
    fstab: fstab === 'ignore' ? 'ignored' : 'required',
    whereOf: (target) => (layer ? locateTarget(layer, target) : { file: node?.name ?? '' }),
    ...(rootPartition === undefined ? {} : { rootPartition }),
  };
}
