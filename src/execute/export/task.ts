// From a machine, a format and what was built to a task: where each disk's bytes are, and what they were made from.

import path from 'node:path';
import { type ArtifactDisk, diskFile, furtherDisks, mainDisk } from '../../model/artifact.ts';
import type { Failure } from '../../model/failure.ts';
import { type ExportOrder, optionsOf } from '../../model/machine/format.ts';
import { withFurtherDisks } from '../../model/machine/machine.ts';
import type { Exporters } from '../../model/ports/exporter.ts';
import type { PlannedMachine } from '../../plan/machines.ts';
import type { DiskSource, ExportTask } from './export-machine.ts';
import { targetAt } from './fresh.ts';
import { builtFrom, type Known } from './lineage.ts';

/** One export of a machine that is wanted. */
export interface Wish {
  readonly planned: PlannedMachine;
  /** The size of each disk, bytes, as far as it is known before the layers are built. */
  readonly sizes: readonly (number | undefined)[];
  /** The further disks of the system's image, as far as they are known then. */
  readonly further: readonly { readonly name: string; readonly size: number }[];
  readonly order: ExportOrder;
}

/** The wishes whose exports share files with that of a wish, it included. */
function sharing({ planned }: Pick<Wish, 'planned'>, wishes: readonly Wish[], exporters: Exporters) {
  const { name } = planned.machine;
  return wishes.filter((one) => one.planned.machine.name === name && exporters[one.order.format].shares);
}

/**
 * The task of a wish, all of whose layers are built.
 * @param output absolute path of the directory that gets `<machine>/<format>`
 * @param wishes all of the run
 */
export function taskOf(
  { planned: { machine, layers }, order }: Pick<Wish, 'planned' | 'order'>,
  known: Known,
  exporters: Exporters,
  output: string,
  wishes: readonly Wish[] = [],
): ExportTask {
  const [system, ...others] = machine.disks;
  const [main = ''] = layers;
  const artifact = known.artifacts.get(main);
  // One that vlb.yaml names takes the place of that of the image.
  const further = (artifact ? furtherDisks(artifact) : []).filter(
    (disk) => !others.some(({ name }) => name === disk.name),
  );
  const directory = path.join(output, machine.name, order.format);
  return {
    machine: withFurtherDisks(machine, further),
    order,
    exporter: exporters[order.format],
    isShared: sharing({ planned: { machine, layers } }, wishes, exporters).length > 1,
    disks: [
      imageSource(system.name, main, known),
      ...further.map((disk) => imageSource(disk.name, main, known, disk)),
      ...others.map((disk, index) => {
        if (disk.image !== undefined) return imageSource(disk.name, layers[index + 1], known);
        return { type: 'empty', name: disk.name, size: disk.size } as const;
      }),
    ],
    target: targetAt(directory, known.context.paths.state),
  };
}

/** @param further by default the main disk of the layer */
function imageSource(
  name: string,
  layer: string | undefined,
  known: Known,
  further?: ArtifactDisk,
): DiskSource {
  const artifact = layer === undefined ? undefined : known.artifacts.get(layer);
  if (layer === undefined || !artifact) throw new Error(`the disk ${name} has no artifact`);
  const { store } = known.context;
  const { digest } = further ?? mainDisk(artifact);
  const file = { digest, keeping: artifact.keeping };
  return {
    type: 'image',
    name,
    isFurther: further !== undefined,
    from: builtFrom(layer, known, further?.name),
    file: path.join(store.artifactDirectory, diskFile(file)),
    digest,
    node: known.plan.find(({ node }) => node.name === layer)?.node,
    bytes: store.chain(file).reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** Why a format cannot hold the machine, as far as that is known before anything is built. */
export function refusalOf(
  { planned: { machine }, order, sizes, further }: Wish,
  exporters: Exporters,
): Failure | undefined {
  const [system, ...others] = machine.disks.map(({ name, image }, index) => ({
    ...{ name, size: sizes[index], isEmpty: image === undefined },
  }));
  if (!system) throw new Error('a machine has a disk');
  const known = further.map((disk) => ({ ...disk, isEmpty: true }));
  const proposal = { machine, disks: [system, ...known, ...others] as const, options: optionsOf(order) };
  const failure = exporters[order.format].refusal?.(proposal);
  return failure && { ...(order.where ? { where: order.where } : {}), ...failure };
}
