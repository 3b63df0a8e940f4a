// The dependency graph of a project. Pure data.

import type { Artifact } from './artifact.ts';
import type { Base, Layer } from './project.ts';

/** Something that becomes an artifact. */
export type Node = BaseNode | LayerNode;

export interface BaseNode {
  readonly type: 'base';
  readonly name: string;
  readonly base: Base;
  readonly layer?: undefined;
  readonly parent?: undefined;
  readonly mounts: readonly [];
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
  const mounts = node.mounts.map(({ name }) => name);
  return node.parent === undefined ? mounts : [node.parent, ...mounts];
}

/** Whether a node is a layer of the project, which has a link in build/ and a record of its own. */
export function isLayer(node: Node): node is LayerNode {
  return node.layer !== undefined;
}

/** The artifacts that a layer's run depends on: its parent, and those that it mounts. */
export interface Lineage {
  readonly parent: Artifact | undefined;
  readonly mounts: readonly { readonly artifact: Artifact; readonly target: string }[];
}

/** The lineage of a node, out of all artifacts that are known so far; undefined while one is missing. */
export function lineageOf(node: Node, known: ReadonlyMap<string, Artifact>): Lineage | undefined {
  const parent = node.parent === undefined ? undefined : known.get(node.parent);
  if (node.parent !== undefined && !parent) return undefined;
  const mounts: { artifact: Artifact; target: string }[] = [];
  for (const { name, target } of node.mounts) {
    const artifact = known.get(name);
    if (!artifact) return undefined;
    mounts.push({ artifact, target });
  }
  return { parent, mounts };
}
