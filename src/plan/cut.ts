// Cuts a graph into jobs for several machines: layers that follow each other without a branch are one job, since each move to
// another machine costs a transfer. Pure.

import { kindOf } from '../kinds/registry.ts';
import type { Retention } from '../model/artifact.ts';
import type { Job, Resources } from '../model/engine/job.ts';
import { type Graph, isLayer, type LayerNode, needsOf } from '../model/graph.ts';
import type { Plan } from '../model/plan.ts';
import { type Layer, scriptFile } from '../model/project.ts';
import { retentionOf } from './decide.ts';

/** The jobs of a plan: its layers that have to run. Restored, fetched and fresh ones are in none, nor is what cannot be shared. */
export function cutPlan(plan: Plan): readonly Job[] {
  const keeping = new Map(plan.map(({ node, keeping: kept }) => [node.name, kept]));
  const running = new Set(plan.flatMap(({ node, action }) => (action.type === 'run' ? [node.name] : [])));
  return cut({ nodes: plan.map(({ node }) => node) }, keeping, (name) => running.has(name));
}

/** The jobs of a graph of which nothing is built yet. */
export function cutGraph(graph: Graph): readonly Job[] {
  return cut(graph, retentionOf(graph), () => true);
}

/**
 * The jobs with those first on which the longest chains of layers depend, so that an engine that has few places begins them first.
 * Each is still after those that it needs.
 */
export function longestFirst(jobs: readonly Job[]): readonly Job[] {
  const lengths = new Map<string, number>();
  const lengthOf = (name: string) => lengths.get(name) ?? 0;
  for (const { name, layers, needs } of jobs.toReversed()) {
    const own = lengthOf(name) + layers.length;
    lengths.set(name, own);
    for (const need of needs) lengths.set(need, Math.max(lengthOf(need), own));
  }
  return jobs.toSorted((one, other) => lengthOf(other.name) - lengthOf(one.name));
}

/** A job in the making. */
interface Chain {
  readonly nodes: LayerNode[];
  readonly needs: ReadonlySet<Chain>;
}

function cut(
  graph: Graph,
  keeping: ReadonlyMap<string, Retention>,
  runs: (name: string) => boolean,
): readonly Job[] {
  const placed = shareable(graph, keeping).filter(({ name }) => runs(name));
  const names = new Set(placed.map(({ name }) => name));
  const needs = (node: LayerNode) => [...new Set(needsOf(node))].filter((name) => names.has(name));
  const users = new Map<string, number>();
  for (const name of placed.flatMap(needs)) users.set(name, (users.get(name) ?? 0) + 1);
  const chains = new Map<string, Chain>();
  for (const node of placed) {
    const below = needs(node).flatMap((name) => chains.get(name) ?? []);
    const [only] = below;
    const last = only?.nodes.at(-1);
    if (only && last && below.length === 1 && users.get(last.name) === 1 && needs(node)[0] === last.name) {
      if (samePlace(last.layer, node.layer)) {
        only.nodes.push(node);
        chains.set(node.name, only);
        continue;
      }
    }
    chains.set(node.name, { nodes: [node], needs: new Set(below) });
  }
  return [...new Set(chains.values())].map(jobOf);
}

/** The layers that another machine can get from the shared cache: with all that they depend on, they may enter it. */
function shareable(graph: Graph, keeping: ReadonlyMap<string, Retention>): readonly LayerNode[] {
  const kept = new Set<string>();
  return graph.nodes.filter(isLayer).filter((node) => {
    const isPrivate = node.layer.hints.noshare || keeping.get(node.name) !== 'cached';
    if (isPrivate || needsOf(node).some((name) => kept.has(name))) kept.add(node.name);
    return !kept.has(node.name);
  });
}

function jobOf({ nodes, needs }: Chain): Job {
  const layers = nodes.map(({ name }) => name);
  return {
    name: lastOf(layers),
    layers,
    needs: [...needs].map((chain) => lastOf(chain.nodes.map(({ name }) => name))),
    resources: resourcesOf(nodes.map(({ layer }) => layer)),
  };
}

function lastOf(names: readonly string[]): string {
  return names.at(-1) ?? '';
}

function samePlace(one: Layer, other: Layer): boolean {
  return placesOf(one).join(' ') === placesOf(other).join(' ');
}

function placesOf({ hints }: Layer): readonly string[] {
  return hints.places.map(({ name }) => name).sort();
}

/** What QEMU needs beside the memory of a guest. */
const BESIDE_GUEST = 2 ** 30;

/** As much as the most demanding layer asks for. */
function resourcesOf(layers: readonly Layer[]): Resources {
  const cpus = Math.max(0, ...layers.map(({ hints }) => hints.cpus ?? 0));
  const memory = Math.max(0, ...layers.map(memoryOf));
  // They are the same for all layers of a job.
  const [layer] = layers;
  const places = layer?.hints.places ?? [];
  const partition = places.find(({ name }) => !name.includes(':'));
  return {
    ...(cpus === 0 ? {} : { cpus }),
    ...(memory === 0 ? {} : { memory }),
    ...(partition === undefined ? {} : { partition: partition.name }),
    gres: places.flatMap(({ name, line }) =>
      layer && name.includes(':') ? [{ name, where: { file: scriptFile(layer), line } }] : [],
    ),
  };
}

function memoryOf(layer: Layer): number {
  const { memory } = layer.hints;
  if (memory === undefined) return 0;
  return kindOf(layer).place === 'guest' ? memory + BESIDE_GUEST : memory;
}
