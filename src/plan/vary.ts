// Makes variants of layers: the same directory with other values of its parameters, or on another parent.

import { type Failure, ok, type Result } from '../model/failure.ts';
import { type Graph, isLayer, type LayerNode, type Node, needsOf } from '../model/graph.ts';
import type { NamedImage } from '../model/project.ts';
import { withParams } from '../project/layers/params.ts';
import { graphUpTo } from './graph.ts';

/** The nodes with the values that the command line and defaults give. */
export interface Plain {
  readonly nodes: ReadonlyMap<string, Node>;
  /** Those that cannot be built, since they or what they need lack a value, and why. */
  readonly lacking: ReadonlyMap<string, Failure>;
}

/** The graph's nodes with values, as far as there are any. */
export function withValues({ nodes }: Graph, given: ReadonlyMap<string, string>): Plain {
  const resolved = new Map<string, Node>();
  const lacking = new Map<string, Failure>();
  for (const node of nodes) {
    if (!isLayer(node)) {
      resolved.set(node.name, node);
      continue;
    }
    const below = needsOf(node).flatMap((name) => lacking.get(name) ?? [])[0];
    const layer = withParams(node.layer, given);
    const failure = below ?? (layer.ok ? undefined : layer.failure);
    if (failure) lacking.set(node.name, failure);
    else if (layer.ok) resolved.set(node.name, { ...node, layer: layer.value });
  }
  return { nodes: resolved, lacking };
}

/** The variants of a graph's layers, made as images and machines need them. */
export class Variants {
  readonly structure: Graph;
  readonly #given: ReadonlyMap<string, string>;
  /** In the order of the graph. */
  readonly #nodes: LayerNode[] = [];
  /** For each layer, what there is of it: the plain one and its variants. */
  readonly #kinds = new Map<string, LayerNode[]>();

  constructor(structure: Graph, plain: Plain, given: ReadonlyMap<string, string>) {
    this.structure = structure;
    this.#given = given;
    for (const node of plain.nodes.values()) if (isLayer(node)) this.#kinds.set(node.name, [node]);
  }

  get nodes(): readonly LayerNode[] {
    return this.#nodes;
  }

  /** The layers that there are variants of. */
  get varied(): ReadonlySet<string> {
    return new Set([...this.#kinds].filter(([, kinds]) => kinds.some(isVariant)).map(([name]) => name));
  }

  /** The layers that these layers need, and they themselves. */
  neededFor(layers: readonly string[]): Result<readonly LayerNode[]> {
    const own = graphUpTo(this.structure, layers);
    return own.ok ? ok(own.value.nodes.filter(isLayer)) : own;
  }

  /** The layer of an image: `30_app@web` where its parameters make a difference. Fails as `usage` where a value is missing. */
  forImage(layer: string, { name, params }: Pick<NamedImage, 'name' | 'params'>): Result<string> {
    return this.#layerFor(layer, name, params, (kind) => !isVariant(kind));
  }

  /** The layer of a machine's disk. What an image or another machine has with the same values is shared. */
  forMachine(layer: string, machine: string, params: ReadonlyMap<string, string>): Result<string> {
    return this.#layerFor(layer, machine, params, () => true);
  }

  #layerFor(
    layer: string,
    owner: string,
    own: ReadonlyMap<string, string>,
    mayShare: (kind: LayerNode) => boolean,
  ): Result<string> {
    if (own.size === 0) return ok(layer);
    const needed = this.neededFor([layer]);
    if (!needed.ok) return needed;
    const values = new Map([...own, ...this.#given]);
    const renamed = new Map<string, string>();
    for (const node of needed.value) {
      const layer = withParams(node.layer, values);
      if (!layer.ok) return layer;
      const wanted = {
        ...node,
        layer: layer.value,
        parent: node.parent === undefined ? undefined : (renamed.get(node.parent) ?? node.parent),
        mounts: node.mounts.map((mount) => ({ ...mount, name: renamed.get(mount.name) ?? mount.name })),
      };
      const kinds = this.#kinds.get(node.name) ?? [];
      const shared = kinds.find((kind) => mayShare(kind) && isSame(kind, wanted));
      renamed.set(node.name, shared?.name ?? this.#add(wanted, owner).name);
    }
    return ok(renamed.get(layer) ?? layer);
  }

  /** A machine may have the name of an image, and disks with different parameters. */
  #add(node: LayerNode, owner: string): LayerNode {
    const kinds = this.#kinds.get(node.name) ?? [];
    let name = `${node.name}@${owner}`;
    for (let number = 2; kinds.some((kind) => kind.name === name); number++) {
      name = `${node.name}@${owner}.${number}`;
    }
    const variant = { ...node, name, variant: owner, layer: { ...node.layer, name } };
    this.#nodes.push(variant);
    this.#kinds.set(node.name, [...kinds, variant]);
    return variant;
  }
}

function isVariant({ variant }: LayerNode): boolean {
  return variant !== undefined;
}

/** Whether two nodes of one layer are built from the same. */
function isSame(a: LayerNode, b: LayerNode): boolean {
  const names = (node: LayerNode) => needsOf(node).join('\0');
  const values = Object.entries(b.layer.params);
  return names(a) === names(b) && values.every(([name, value]) => a.layer.params[name] === value);
}
