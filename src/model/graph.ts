// The dependency graph of a project. Pure data.

import type { Artifact, Disks } from './artifact.ts';
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
  /** The image of vlb.yaml that this layer is built for, with the parameters of that one. */
  readonly variant?: string;
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

/** What stands for an artifact in a recipe: the digests of its disks, or a text in the place of the main one's while they are not known. */
export type Identity = Pick<Disks<{ readonly name: string; readonly digest: string }>, 'disks'>;

/** What a layer depends on, its parent and what it mounts: for a run as artifacts. */
export interface Lineage<T = Artifact> {
  readonly parent: T | undefined;
  readonly mounts: readonly { readonly artifact: T; readonly target: string }[];
}

/** The lineage of a node, out of all that is known so far; undefined while something is missing. */
export function lineageOf<T>(node: Node, known: ReadonlyMap<string, T>): Lineage<T> | undefined {
  const parent = node.parent === undefined ? undefined : known.get(node.parent);
  if (node.parent !== undefined && !parent) return undefined;
  const mounts: { artifact: T; target: string }[] = [];
  for (const { name, target } of node.mounts) {
    const artifact = known.get(name);
    if (!artifact) return undefined;
    mounts.push({ artifact, target });
  }
  return { parent, mounts };
}
