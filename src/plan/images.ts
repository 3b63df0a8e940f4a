// The images that vlb.yaml names: which layer each one is.

import { fail, ok, type Result } from '../model/failure.ts';
import type { Graph } from '../model/graph.ts';
import type { NamedImage } from '../model/project.ts';
import { findLayer } from './find-layer.ts';

/** The layers' full names by the images' names. */
export type ImageLayers = ReadonlyMap<string, string>;

/** Fails as `usage`, with file and line, for an image of a layer that there is not. */
export function imageLayers(images: readonly NamedImage[], graph: Graph): Result<ImageLayers> {
  const layers = graph.nodes.filter((node) => node.type === 'layer').map((node) => node.name);
  const found = new Map<string, string>();
  for (const { name, layer, where } of images) {
    const meant = findLayer(layer, layers);
    if (!meant.ok) {
      const { message, ...more } = meant.failure;
      return fail('usage', `vlb.yaml: images.${name}: ${message}`, { ...more, where });
    }
    found.set(name, meant.value);
  }
  return ok(found);
}
