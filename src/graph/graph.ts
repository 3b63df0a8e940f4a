// Project → Graph: what each layer is built on, and which part of the graph a target needs.

import { fail, ok, type Result } from '../model/failure.ts';
import { BASE_NAME, type Graph, type Node } from '../model/graph.ts';
import type { Base, Layer } from '../model/layer.ts';
import { nearest } from '../project/nearest.ts';

/**
 * The graph of a project: each layer stands on the one before it, the first on the base.
 * Fails as `usage` when the first layer has nothing to stand on.
 */
export function buildGraph(layers: readonly Layer[], base: Base | undefined): Result<Graph> {
  const nodes: Node[] = [];
  for (const layer of layers) {
    const parent = layer.hints.fromScratch ? undefined : nodes.at(-1)?.name;
    if (parent === undefined && !layer.hints.fromScratch) {
      if (!base) {
        return fail('usage', `layer ${layer.name} has nothing to start from`, {
          where: { file: layer.directory },
          hint: 'name a base image in vlb.yaml (base: …), or make the disk in a modify-disk that says "# vlb: from scratch"',
        });
      }
      nodes.push({ type: 'base', name: BASE_NAME, base });
    }
    nodes.push({
      type: 'layer',
      name: layer.name,
      layer,
      parent: layer.hints.fromScratch ? undefined : nodes.at(-1)?.name,
    });
  }
  return ok({ nodes });
}

/**
 * The part of a graph that a target needs: it and its ancestors. Its name may be given without the number, or as
 * the number alone, as long as it is the only such one.
 */
export function graphUpTo(graph: Graph, target: string): Result<Graph> {
  const found = findLayer(graph, target);
  if (!found.ok) return found;
  const byName = new Map(graph.nodes.map((node) => [node.name, node]));
  const needed = new Set<Node>();
  for (let node: Node | undefined = found.value; node; ) {
    needed.add(node);
    const parent: string | undefined = node.type === 'layer' ? node.parent : undefined;
    node = parent === undefined ? undefined : byName.get(parent);
  }
  return ok({ nodes: graph.nodes.filter((node) => needed.has(node)) });
}

function bareName(name: string): string {
  return name.replace(/^\d+_/, '');
}

function findLayer(graph: Graph, target: string): Result<Node> {
  const wanted = target.replace(/\/+$/, '').replace(/^layers\//, '');
  const layers = graph.nodes.filter((node) => node.type === 'layer');
  const exact = layers.find((node) => node.name === wanted);
  if (exact) return ok(exact);
  const matches = layers.filter((node) => {
    const [number, ...rest] = node.name.split('_');
    return number === wanted || rest.join('_') === wanted;
  });
  const [only] = matches;
  if (only && matches.length === 1) return ok(only);
  if (matches.length > 1) {
    return fail('usage', `"${target}" could be ${matches.map((node) => node.name).join(' or ')}`, {
      hint: 'give the whole name',
    });
  }
  const names = layers.map((node) => node.name);
  const bare = nearest(wanted, names.map(bareName));
  const guess = nearest(wanted, names) ?? names.find((name) => bareName(name) === bare);
  return fail('usage', `no layer is called "${target}"`, {
    hint: guess === undefined ? `the layers are ${names.join(', ')}` : `did you mean ${guess}?`,
  });
}
