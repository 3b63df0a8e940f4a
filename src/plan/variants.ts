// The graph of a project with its parameters: an image of vlb.yaml that has parameters of its own gets variants of those layers
// that are different with them, and shares all others.

import path from 'node:path';
import { type Failure, fail, ok, type Result } from '../model/failure.ts';
import { type Graph, isLayer, type LayerNode, type Node, needsOf } from '../model/graph.ts';
import type { NamedImage } from '../model/project.ts';
import { checkParams, paramsOf } from '../project/layers/params.ts';
import type { Project } from '../project/project.ts';
import { guessHint } from '../util/nearest.ts';
import { buildGraph, graphUpTo } from './graph.ts';
import { type ImageLayers, imageLayers } from './images.ts';

export interface ProjectGraph {
  readonly graph: Graph;
  /** The layer of each image: a variant where it has parameters that make a difference. */
  readonly images: ImageLayers;
  /** The graph with those layers that lack the value of a parameter: for looking at what is built. */
  readonly everything: Graph;
  /** Why the graph cannot be built: a layer lacks a value that no image has for it. */
  readonly lacking: Failure | undefined;
}

/**
 * The graph of a project.
 * Fails as `usage`, with file and line, as {@link buildGraph} does, and for a parameter that no layer declares. A layer that lacks
 * a value which images have is built for those images alone.
 * @param given values of the command line, which take precedence
 */
export function projectGraph(
  { layers, bases, images }: Pick<Project, 'layers' | 'bases' | 'images'>,
  given: ReadonlyMap<string, string>,
): Result<ProjectGraph> {
  const known = checkParams(layers, given);
  if (!known.ok) return known;
  const structure = buildGraph(layers, bases);
  if (!structure.ok) return structure;
  const named = imageLayers(images, structure.value);
  if (!named.ok) return named;
  const plain = withValues(structure.value, given);
  const nodes = [...plain.nodes.values()];
  const varied = new Set<string>();
  const imageNodes = new Map<string, string>();
  for (const image of images) {
    const layer = named.value.get(image.name) ?? image.layer;
    const variant = variantOf(image, layer, structure.value, plain, given);
    if (!variant.ok) return variant;
    nodes.push(...variant.value.nodes);
    for (const name of variant.value.varied) varied.add(name);
    imageNodes.set(image.name, variant.value.layer);
  }
  const variants = nodes.slice(plain.nodes.size);
  return ok({
    graph: { nodes },
    images: imageNodes,
    everything: { nodes: [...structure.value.nodes, ...variants] },
    lacking: [...plain.lacking].find(([name]) => !varied.has(name))?.[1],
  });
}

/** The nodes with the values that the command line and defaults give. */
interface Plain {
  readonly nodes: ReadonlyMap<string, Node>;
  /** Those that cannot be built, since they or what they need lack a value, and why. */
  readonly lacking: ReadonlyMap<string, Failure>;
}

function withValues({ nodes }: Graph, given: ReadonlyMap<string, string>): Plain {
  const resolved = new Map<string, Node>();
  const lacking = new Map<string, Failure>();
  for (const node of nodes) {
    if (!isLayer(node)) {
      resolved.set(node.name, node);
      continue;
    }
    const below = needsOf(node).flatMap((name) => lacking.get(name) ?? [])[0];
    const params = paramsOf(node.layer, given);
    const failure = below ?? (params.ok ? undefined : params.failure);
    if (failure) lacking.set(node.name, failure);
    else if (params.ok) resolved.set(node.name, { ...node, layer: { ...node.layer, params: params.value } });
  }
  return { nodes: resolved, lacking };
}

interface Variant {
  /** The layer of the image. */
  readonly layer: string;
  /** The nodes that it has for itself, in the order of the graph. */
  readonly nodes: readonly LayerNode[];
  /** The layers that those are variants of. */
  readonly varied: readonly string[];
}

/** The variants for an image of the layers that are different with its parameters, and of those built on them. */
function variantOf(
  image: NamedImage,
  layer: string,
  structure: Graph,
  plain: Plain,
  given: ReadonlyMap<string, string>,
): Result<Variant> {
  if (image.params.size === 0) return ok({ layer, nodes: [], varied: [] });
  const own = graphUpTo(structure, [layer]);
  if (!own.ok) return own;
  const needed = own.value.nodes.filter(isLayer);
  const unknown = undeclared(image, needed);
  if (unknown) return { ok: false, failure: unknown };
  const values = new Map([...image.params, ...given]);
  const renamed = new Map<string, string>();
  const nodes: LayerNode[] = [];
  for (const node of needed) {
    const params = paramsOf(node.layer, values);
    if (!params.ok) return params;
    const same = plain.nodes.get(node.name)?.layer?.params;
    const isSame =
      same !== undefined && Object.entries(params.value).every(([name, value]) => same[name] === value);
    if (isSame && !needsOf(node).some((name) => renamed.has(name))) continue;
    const name = `${node.name}@${image.name}`;
    renamed.set(node.name, name);
    nodes.push({
      ...node,
      name,
      variant: image.name,
      layer: { ...node.layer, name, params: params.value },
      parent: node.parent === undefined ? undefined : (renamed.get(node.parent) ?? node.parent),
      mounts: node.mounts.map((mount) => ({ ...mount, name: renamed.get(mount.name) ?? mount.name })),
    });
  }
  return ok({ layer: renamed.get(layer) ?? layer, nodes, varied: [...renamed.keys()] });
}

/** The failure for a parameter of an image that none of its layers declares. */
function undeclared(
  { name: image, params, where }: NamedImage,
  layers: readonly LayerNode[],
): Failure | undefined {
  const declared = layers.flatMap(({ layer }) => layer.hints.params.map(({ name }) => name));
  const name = [...params.keys()].find((one) => !declared.includes(one));
  if (name === undefined) return undefined;
  const file = path.basename(where.file);
  return fail('usage', `${file}: images.${image}.params: no layer of the image has a parameter ${name}`, {
    where,
    hint: guessHint(name, declared, 'declare it in a layer with "# vlb: param NAME"'),
  }).failure;
}
