// From a machine, a format and what was built to a task: where each disk's bytes are, and what they were made from.

import path from 'node:path';
import { type Artifact, artifactFile, mainDisk, nameOf } from '../../model/artifact.ts';
import type { Node } from '../../model/graph.ts';
import type { ExportOrder } from '../../model/machine/format.ts';
import type { Plan } from '../../model/plan.ts';
import type { Exporters } from '../../model/ports/exporter.ts';
import { keyOf } from '../../model/recipe.ts';
import type { PlannedMachine } from '../../plan/machines.ts';
import type { RecipeOf } from '../../plan/plan.ts';
import type { Context } from '../run-context.ts';
import type { DiskSource, ExportTask } from './export-machine.ts';
import { targetAt } from './fresh.ts';
import type { ExportedDisk } from './manifest.ts';

/** One export of a machine that is wanted. */
export interface Wish {
  readonly planned: PlannedMachine;
  readonly order: ExportOrder;
}

/** What is built, as far as exports read it. */
export interface Known {
  readonly plan: Plan;
  readonly recipeOf: RecipeOf;
  readonly artifacts: ReadonlyMap<string, Artifact>;
  readonly context: Pick<Context, 'store' | 'paths'>;
}

/**
 * The task of a wish, all of whose layers are built.
 * @param output absolute path of the directory that gets `<machine>/<format>`
 */
export function taskOf(
  { planned: { machine, layers }, order }: Wish,
  known: Known,
  exporters: Exporters,
  output: string,
): ExportTask {
  const [system, ...others] = machine.disks;
  const directory = path.join(output, machine.name, order.format);
  return {
    machine,
    order,
    exporter: exporters[order.format],
    disks: [
      imageSource(system.name, layers[0], known),
      ...others.map((disk, index) => {
        if (disk.image !== undefined) return imageSource(disk.name, layers[index + 1], known);
        return { type: 'empty', name: disk.name, size: disk.size, layers: [] } as const;
      }),
    ],
    target: targetAt(directory, known.context.paths.state),
  };
}

function imageSource(name: string, layer: string | undefined, known: Known): DiskSource {
  const artifact = layer === undefined ? undefined : known.artifacts.get(layer);
  if (layer === undefined || !artifact) throw new Error(`the disk ${name} has no artifact`);
  const { store } = known.context;
  return {
    type: 'image',
    name,
    layers: lineage(layer, known),
    file: path.join(store.artifactDirectory, artifactFile(artifact)),
    digest: mainDisk(artifact).digest,
    node: known.plan.find(({ node }) => node.name === layer)?.node,
    bytes: store.chain(nameOf(artifact)).reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** A layer and what it is built on, the lowest first. */
function lineage(layer: string, { plan, recipeOf, artifacts }: Known): ExportedDisk['layers'] {
  const nodes = new Map<string, Node>(plan.map(({ node }) => [node.name, node]));
  const layers: { layer: string; key: string; digest: string }[] = [];
  for (
    let node = nodes.get(layer);
    node;
    node = node.parent === undefined ? undefined : nodes.get(node.parent)
  ) {
    const artifact = artifacts.get(node.name);
    const recipe = recipeOf(node, artifacts);
    if (!artifact || recipe === undefined) break;
    layers.unshift({ layer: node.name, key: keyOf(recipe), digest: mainDisk(artifact).digest });
  }
  return layers;
}
