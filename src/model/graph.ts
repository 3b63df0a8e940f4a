// The graph of what is built on what. Pure data.

import type { Base, Layer } from './layer.ts';

/** The name under which the base of vlb.yaml stands in the graph. */
export const BASE_NAME = 'base';

/** Something that becomes an artifact. */
export type Node =
  | { readonly type: 'base'; readonly name: typeof BASE_NAME; readonly base: Base }
  | {
      readonly type: 'layer';
      readonly name: string;
      readonly layer: Layer;
      /** The node it is built on; undefined for a disk made from scratch. */
      readonly parent: string | undefined;
    };

/** Nodes in an order in which every parent comes before its children. */
export interface Graph {
  readonly nodes: readonly Node[];
}
