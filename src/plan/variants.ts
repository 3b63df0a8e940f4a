// The graph of a project with its parameters: an image or a machine of vlb.yaml that has parameters of its own gets variants of those
// layers that are different with them, and shares all others.

import path from 'node:path';
import { type Failure, fail, ok, type Result } from '../model/failure.ts';
import { type Graph, isLayer } from '../model/graph.ts';
import type { NamedImage } from '../model/project.ts';
import type { NamedMachine } from '../project/config/machines.ts';
import { checkParams } from '../project/layers/params.ts';
import type { Project } from '../project/project.ts';
import { guessHint } from '../util/nearest.ts';
import { buildGraph } from './graph.ts';
import { type ImageLayers, imageLayers } from './images.ts';
import { diskLayer, type MachineVariants } from './machines.ts';
import { Variants, withValues } from './vary.ts';

export interface ProjectGraph {
  readonly graph: Graph;
  /** The layer of each image: a variant where it has parameters that make a difference. */
  readonly images: ImageLayers;
  /** The layers of the machines that have parameters. */
  readonly variants: MachineVariants;
  /** The graph with those layers that lack the value of a parameter: for looking at what is built. */
  readonly everything: Graph;
  /** Why the graph cannot be built: a layer lacks a value that no image or machine has for it. */
  readonly lacking: Failure | undefined;
}

/**
 * The graph of a project.
 * Fails as `usage`, with file and line, as {@link buildGraph} does, and for a parameter that no layer declares. A layer that lacks
 * a value which images or machines have is built for those alone.
 * @param given values of the command line, which take precedence
 */
export function projectGraph(
  { layers, bases, images, machines }: Pick<Project, 'layers' | 'bases' | 'images' | 'machines'>,
  given: ReadonlyMap<string, string>,
): Result<ProjectGraph> {
  const known = checkParams(layers, given);
  if (!known.ok) return known;
  const structure = buildGraph(layers, bases);
  if (!structure.ok) return structure;
  const named = imageLayers(images, structure.value);
  if (!named.ok) return named;
  const plain = withValues(structure.value, given);
  const variants = new Variants(structure.value, plain, given);
  const imageNodes = new Map<string, string>();
  for (const image of images) {
    const layer = named.value.get(image.name) ?? image.layer;
    const declared = checkDeclared(
      { ...image, field: `images.${image.name}`, of: 'image' },
      [layer],
      variants,
    );
    if (!declared.ok) return declared;
    const own = variants.forImage(layer, image);
    if (!own.ok) return own;
    imageNodes.set(image.name, own.value);
  }
  const machineNodes = machineVariants(machines, images, named.value, variants);
  if (!machineNodes.ok) return machineNodes;
  return ok({
    graph: { nodes: [...plain.nodes.values(), ...variants.nodes] },
    images: imageNodes,
    variants: machineNodes.value,
    everything: { nodes: [...structure.value.nodes, ...variants.nodes] },
    lacking: [...plain.lacking].find(([name]) => !variants.varied.has(name))?.[1],
  });
}

/** The layers of each machine with parameters. Where a disk is an image with parameters of its own, those of the machine take precedence. */
function machineVariants(
  machines: readonly NamedMachine[],
  images: readonly NamedImage[],
  named: ImageLayers,
  variants: Variants,
): Result<MachineVariants> {
  const found = new Map<string, ReadonlyMap<string, string>>();
  const layers = variants.structure.nodes.filter(isLayer).map(({ name }) => name);
  for (const known of machines) {
    const { machine, params, where } = known;
    if (params.size === 0) continue;
    const disks = new Map<string, string>();
    for (const { image } of machine.disks) {
      if (image === undefined) continue;
      const layer = diskLayer(image, known, named, layers);
      if (!layer.ok) return layer;
      disks.set(image, layer.value);
    }
    const field = `machines.${machine.name}`;
    const declared = checkDeclared({ params, where, field, of: 'machine' }, [...disks.values()], variants);
    if (!declared.ok) return declared;
    for (const [image, layer] of disks) {
      const ofImage = images.find(({ name }) => name === image)?.params ?? [];
      const own = variants.forMachine(layer, machine.name, new Map([...ofImage, ...params]));
      if (!own.ok) return own;
      disks.set(image, own.value);
    }
    found.set(machine.name, disks);
  }
  return ok(found);
}

interface ParamsOf extends Pick<NamedMachine, 'params' | 'where'> {
  /** `images.web` */
  readonly field: string;
  readonly of: 'image' | 'machine';
}

/** Fails for a parameter that no layer of an image or a machine declares. */
function checkDeclared(
  { params, where, field, of }: ParamsOf,
  layers: readonly string[],
  variants: Variants,
): Result<void> {
  if (params.size === 0) return ok();
  const needed = variants.neededFor(layers);
  if (!needed.ok) return needed;
  const declared = needed.value.flatMap(({ layer }) => layer.hints.params.map(({ name }) => name));
  const name = [...params.keys()].find((one) => !declared.includes(one));
  if (name === undefined) return ok();
  const file = path.basename(where.file);
  return fail('usage', `${file}: ${field}.params: no layer of the ${of} has a parameter ${name}`, {
    where,
    hint: guessHint(name, declared, 'declare it in a layer with "# vlb: param NAME"'),
  });
}
