// The machines that are to be exported: those of vlb.yaml, and a plain one for each image or layer.

import path from 'node:path';
import { fail, ok, type Result, type Where } from '../model/failure.ts';
import { type Graph, isLayer } from '../model/graph.ts';
import { type Machine, machineOf } from '../model/machine/machine.ts';
import { nearest } from '../util/nearest.ts';
import { findLayer } from './find-layer.ts';
import { type ImageLayers, mainLayer } from './images.ts';

/** The name of the machine that the main image is. */
const MAIN_IMAGE = 'image';

/** A machine, and the layer that each of its disks is made from: undefined for an empty one. */
export interface PlannedMachine {
  readonly machine: Machine;
  readonly layers: readonly (string | undefined)[];
}

interface Known {
  /** Of vlb.yaml, with their places there. */
  readonly machines: readonly { readonly machine: Machine; readonly where: Where }[];
  readonly images: ImageLayers;
  /** Of the whole project. */
  readonly graph: Graph;
}

/**
 * The machines that names mean: machines of vlb.yaml, images and layers. Without names, all machines of vlb.yaml, or else the
 * main image. Fails as `usage` for an unknown name, and for a disk of an unknown layer, with its place in vlb.yaml.
 */
export function findMachines(
  names: readonly string[],
  { machines, images, graph }: Known,
): Result<readonly PlannedMachine[]> {
  const layers = graph.nodes.filter(isLayer).map(({ name }) => name);
  const layerOf = (image: string): Result<string> => {
    const named = images.get(image);
    return named === undefined ? findLayer(image, layers) : ok(named);
  };
  const all = names.length > 0 ? names : machines.map(({ machine }) => machine.name);
  const main = mainLayer(graph.nodes);
  if (all.length === 0) {
    if (!main) return fail('usage', 'there is nothing to export');
    return ok([{ machine: machineOf(MAIN_IMAGE, main.name), layers: [main.name] }]);
  }
  const found: PlannedMachine[] = [];
  for (const name of new Set(all)) {
    const known = machines.find(({ machine }) => machine.name === name);
    const one = known ? planned(known, layerOf) : plain(name);
    if (!one.ok) return one;
    found.push(one.value);
  }
  return ok(found);

  /** An image or a layer as a machine. */
  function plain(name: string): Result<PlannedMachine> {
    if (name === MAIN_IMAGE && main) return ok({ machine: machineOf(name, main.name), layers: [main.name] });
    const layer = layerOf(name);
    if (layer.ok) {
      const own = images.has(name) ? name : layer.value;
      return ok({ machine: machineOf(own, layer.value), layers: [layer.value] });
    }
    if (layer.failure.message.includes('ambiguous')) return layer;
    const guess = nearest(name, [...machines.map(({ machine }) => machine.name), ...images.keys()]);
    return fail('usage', `no machine, image or layer named "${name}"`, {
      hint: guess === undefined ? (layer.failure.hint ?? 'see vlb ls') : `did you mean ${guess}?`,
    });
  }
}

function planned(
  { machine, where }: { readonly machine: Machine; readonly where: Where },
  layerOf: (image: string) => Result<string>,
): Result<PlannedMachine> {
  const layers: (string | undefined)[] = [];
  for (const { image } of machine.disks) {
    if (image === undefined) {
      layers.push(undefined);
      continue;
    }
    const layer = layerOf(image);
    if (!layer.ok) {
      const { message, ...more } = layer.failure;
      return fail('usage', `${path.basename(where.file)}: machines.${machine.name}.disks: ${message}`, {
        ...more,
        where,
      });
    }
    layers.push(layer.value);
  }
  return ok({ machine, layers });
}
