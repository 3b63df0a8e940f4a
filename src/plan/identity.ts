// Images that have the identity of a booted layer: it was made when that booted, and copies of the image would share it.

import { kindOf } from '../kinds/registry.ts';
import { type Graph, isLayer, type LayerNode } from '../model/graph.ts';

export interface SharedIdentity {
  /** The last layer of the image. */
  readonly top: string;
  /** The booted layer. */
  readonly booted: string;
}

/** The step that takes the identity out. */
const SEALED_BY = 'sysprep';

/**
 * The images with a booted layer and no step `sysprep` above it.
 * @param tops the last layers of the images
 */
export function sharedIdentities(graph: Graph, tops: Iterable<string>): readonly SharedIdentity[] {
  const nodes = new Map(graph.nodes.filter(isLayer).map((node) => [node.name, node]));
  return [...new Set(tops)].flatMap((top) => {
    for (let node = nodes.get(top); node && !isSealed(node); node = nodes.get(node.parent ?? '')) {
      if (kindOf(node.layer).place === 'guest') return [{ top, booted: node.name }];
    }
    return [];
  });
}

function isSealed({ layer }: LayerNode): boolean {
  return layer.steps?.all.some(({ verb }) => verb === SEALED_BY) ?? false;
}
