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

/** For each machine with parameters of its own, by name: the layers of its disks, by their images as vlb.yaml names them. */
export type MachineVariants = ReadonlyMap<string, ReadonlyMap<string, string>>;

interface Known {
  /** Of vlb.yaml, with their places there. */
  readonly machines: readonly { readonly machine: Machine; readonly where: Where }[];
  readonly images: ImageLayers;
  /** Of machines with parameters of their own, see `ProjectGraph` of src/plan/variants.ts. */
  readonly variants?: MachineVariants;
  /** Of the whole project. */
  readonly graph: Graph;
}

/**
 * The machines that names mean: machines of vlb.yaml, images and layers. Without names, all machines of vlb.yaml, or else the
 * main image. Fails as `usage` for an unknown name, and for a disk of an unknown layer, with its place in vlb.yaml.
 */
export function findMachines(
  names: readonly string[],
  { machines, images, graph, variants }: Known,
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
    const own = variants?.get(name);
    const one = known ? planned(known, (image) => variantOr(own?.get(image), image)) : plain(name);
    if (!one.ok) return one;
    found.push(one.value);
  }
  return ok(found);

  function variantOr(variant: string | undefined, image: string): Result<string> {
    return variant === undefined ? layerOf(image) : ok(variant);
  }

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
  known: Known['machines'][number],
  layerOf: (image: string) => Result<string>,
): Result<PlannedMachine> {
  const layers: (string | undefined)[] = [];
  for (const { image } of known.machine.disks) {
    const layer = image === undefined ? ok(undefined) : located(layerOf(image), known);
    if (!layer.ok) return layer;
    layers.push(layer.value);
  }
  return ok({ machine: known.machine, layers });
}

/**
 * The layer of a disk. Fails as `usage` with the machine's place in vlb.yaml.
 * @param image a layer, or an image by its name, as vlb.yaml has it
 */
export function diskLayer(
  image: string,
  of: Known['machines'][number],
  images: ImageLayers,
  layers: readonly string[],
): Result<string> {
  const named = images.get(image);
  return named === undefined ? located(findLayer(image, layers), of) : ok(named);
}

function located(layer: Result<string>, { machine, where }: Known['machines'][number]): Result<string> {
  if (layer.ok) return layer;
  const { message, ...more } = layer.failure;
  const field = `${path.basename(where.file)}: machines.${machine.name}.disks`;
  return fail('usage', `${field}: ${message}`, { ...more, where });
}
