// The dependency graph of a project. Pure data.

import type { Base, Layer } from './project.ts';

/** The name of the node that is the base of vlb.yaml. */
export const BASE_NAME = 'base';

/** Something that becomes an artifact. */
export type Node = BaseNode | LayerNode;

export interface BaseNode {
  readonly type: 'base';
  readonly name: typeof BASE_NAME;
  readonly base: Base;
}

export interface LayerNode {
  readonly type: 'layer';
  readonly name: string;
  readonly layer: Layer;
  /** The node it is built on; undefined for a disk made from scratch. */
  readonly parent: string | undefined;
  /** The nodes whose file systems its script can read. */
  readonly mounts: readonly { readonly name: string; readonly target: string }[];
}

/** Nodes in topological order: each comes after everything that it needs. */
export interface Graph {
  readonly nodes: readonly Node[];
}

/** The names of the nodes that a node needs: its parent, and what it mounts. */
export function needsOf(node: Node): readonly string[] {
  if (node.type === 'base') return [];
  const mounts = node.mounts.map((mount) => mount.name);
  return node.parent === undefined ? mounts : [node.parent, ...mounts];
}
