// The images named in vlb.yaml, and the layer of each.

import path from 'node:path';
import { fail, ok, type Result } from '../model/failure.ts';
import { type Graph, isLayer, type LayerNode, type Node } from '../model/graph.ts';
import type { NamedImage } from '../model/project.ts';
import { layerNumber } from '../project/layers/discover.ts';
import { findLayer } from './find-layer.ts';
import { leavesOf } from './graph.ts';

/** The layers' full names, by the images' names. */
export type ImageLayers = ReadonlyMap<string, string>;

/** The layer of each image. Fails as `usage`, with file and line, for an image of an unknown layer. */
export function imageLayers(images: readonly NamedImage[], graph: Graph): Result<ImageLayers> {
  const layers = graph.nodes.filter(isLayer).map((node) => node.name);
  const found = new Map<string, string>();
  for (const { name, layer, where } of images) {
    const meant = findLayer(layer, layers);
    if (!meant.ok) {
      const { message, ...more } = meant.failure;
      return fail('usage', `${path.basename(where.file)}: images.${name}: ${message}`, { ...more, where });
    }
    found.set(name, meant.value);
  }
  return ok(found);
}

/**
 * The layer of the main image: the one with the highest number among those that nothing depends on. Undefined where all of those
 * are built for images of vlb.yaml, with parameters of their own.
 */
export function mainLayer(nodes: readonly Node[]): LayerNode | undefined {
  return leavesOf({ nodes })
    .filter((node) => node.variant === undefined)
    .toSorted((a, b) => layerNumber(a.name) - layerNumber(b.name))
    .at(-1);
}
