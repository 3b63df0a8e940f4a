// From a machine, a format and what was built to a task: where each disk's bytes are, and what they were made from.

import path from 'node:path';
import { artifactFile, mainDisk, nameOf } from '../../model/artifact.ts';
import type { Failure } from '../../model/failure.ts';
import { type ExportOrder, optionsOf } from '../../model/machine/format.ts';
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
  const directory = path.join(output, machine.name, order.format);
  return {
    machine,
    order,
    exporter: exporters[order.format],
    isShared: sharing({ planned: { machine, layers } }, wishes, exporters).length > 1,
    disks: [
      imageSource(system.name, layers[0], known),
      ...others.map((disk, index) => {
        if (disk.image !== undefined) return imageSource(disk.name, layers[index + 1], known);
        return { type: 'empty', name: disk.name, size: disk.size } as const;
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
    from: builtFrom(layer, known),
    file: path.join(store.artifactDirectory, artifactFile(artifact)),
    digest: mainDisk(artifact).digest,
    node: known.plan.find(({ node }) => node.name === layer)?.node,
    bytes: store.chain(nameOf(artifact)).reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** Why a format cannot hold the machine, as far as that is known before anything is built. */
export function refusalOf(
  { planned: { machine }, order, sizes }: Wish,
  exporters: Exporters,
): Failure | undefined {
  const [system, ...others] = machine.disks.map(({ name, image }, index) => ({
    ...{ name, size: sizes[index], isEmpty: image === undefined },
  }));
  if (!system) throw new Error('a machine has a disk');
  const proposal = { machine, disks: [system, ...others] as const, options: optionsOf(order) };
  const failure = exporters[order.format].refusal?.(proposal);
  return failure && { ...(order.where ? { where: order.where } : {}), ...failure };
}
