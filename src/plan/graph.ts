// Project → Graph: each layer's parent and mounts, in an order in which they can be built.

import { fail, ok, type Result } from '../model/failure.ts';
import { type Graph, isLayer, type LayerNode, type Node, needsOf } from '../model/graph.ts';
import { type Bases, type Layer, scriptFile } from '../model/project.ts';
import { findLayer, layerFinder } from './find-layer.ts';

/**
 * The graph of a project, with the bases that a layer is built on. The parent of each layer is the one before it, that of
 * the first is the first base, unless a hint names another. Fails as `usage`, with file and line, for unknown names and for cycles.
 */
export function buildGraph(layers: readonly Layer[], bases: Bases): Result<Graph> {
  const nodes: LayerNode[] = [];
  const find = layerFinder(layers.map(({ name }) => name));
  for (const [index, layer] of layers.entries()) {
    const node = nodeOf(layer, layers[index - 1], find, bases);
    if (!node.ok) return node;
    nodes.push(node.value);
  }
  const needed = new Set(nodes.flatMap(needsOf));
  const below = [...bases].filter(([name]) => needed.has(name));
  return inOrder([
    ...below.map(([name, base]) => ({ type: 'base', name, base, mounts: [] }) as const),
    ...nodes,
  ]);
}

/** The part of a graph that these targets need: they and everything that they depend on. Fails as `usage` for unknown names. */
export function graphUpTo(graph: Graph, targets: readonly string[]): Result<Graph> {
  const names = graph.nodes.filter(isLayer).map((node) => node.name);
  const needed = new Set<string>();
  for (const target of targets) {
    const found = findLayer(target, names);
    if (!found.ok) return found;
    needed.add(found.value);
  }
  for (const node of graph.nodes.toReversed()) {
    if (needed.has(node.name)) for (const name of needsOf(node)) needed.add(name);
  }
  return ok({ nodes: graph.nodes.filter((node) => needed.has(node.name)) });
}

/** The layers that nothing depends on: each is an image. In the order of the graph. */
export function leavesOf(graph: Graph): readonly LayerNode[] {
  const parents = new Set(graph.nodes.flatMap(needsOf));
  return graph.nodes.filter(isLayer).filter((node) => !parents.has(node.name));
}

function nodeOf(
  layer: Layer,
  before: Layer | undefined,
  find: (wanted: string) => Result<string>,
  bases: Bases,
): Result<LayerNode> {
  const file = scriptFile(layer);
  const { from, layerMounts } = layer.hints;
  const [firstBase] = bases.keys();
  let parent = before?.name ?? firstBase;
  if (from === 'scratch') parent = undefined;
  else if (from) {
    const found = find(from.layer);
    if (!found.ok && !bases.has(from.layer)) {
      return { ok: false, failure: { ...found.failure, where: { file, line: from.line } } };
    }
    parent = found.ok ? found.value : from.layer;
  } else if (parent === undefined) {
    return fail('usage', `layer ${layer.name} has no parent`, {
      where: { file: layer.directory },
      hint: 'set a base image in vlb.yaml (base: …), or create the disk in a modify-disk with "# vlb: from scratch"',
    });
  }
  const mounts: { name: string; target: string }[] = [];
  for (const mount of layerMounts) {
    const found = find(mount.layer);
    if (!found.ok) return { ok: false, failure: { ...found.failure, where: { file, line: mount.line } } };
    mounts.push({ name: found.value, target: mount.target });
  }
  return ok({ type: 'layer', name: layer.name, layer, parent, mounts });
}

/** The nodes in topological order, otherwise as given. Fails as `usage` with the path of a cycle. */
function inOrder(nodes: readonly Node[]): Result<Graph> {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const ordered = new Set<Node>();
  for (const node of nodes) {
    const cycle = placeAfterNeeds(node, byName, ordered);
    if (cycle) {
      return fail('usage', `layers depend on each other in a cycle: ${cycle.join(' → ')}`, {
        hint: 'change a "# vlb: from" or "# vlb: mount" hint of one of them',
      });
    }
  }
  return ok({ nodes: [...ordered] });
}

/**
 * Places a node after all that it needs. Returns the path of a cycle, if there is one. Not recursive: a chain of layers may be
 * longer than the stack.
 */
function placeAfterNeeds(
  start: Node,
  byName: ReadonlyMap<string, Node>,
  ordered: Set<Node>,
): readonly string[] | undefined {
  const path: { readonly node: Node; readonly needs: string[] }[] = [];
  const onPath = new Set<string>();
  const enter = (node: Node) => {
    path.push({ node, needs: needsOf(node).toReversed() });
    onPath.add(node.name);
  };
  if (!ordered.has(start)) enter(start);
  for (let top = path.at(-1); top; top = path.at(-1)) {
    const name = top.needs.pop();
    const below = name === undefined ? undefined : byName.get(name);
    if (name === undefined) {
      path.pop();
      onPath.delete(top.node.name);
      ordered.add(top.node);
    } else if (below && onPath.has(name)) {
      const names = path.map(({ node }) => node.name);
      return [...names.slice(names.indexOf(name)), name];
    } else if (below && !ordered.has(below)) enter(below);
  }
  return undefined;
}
