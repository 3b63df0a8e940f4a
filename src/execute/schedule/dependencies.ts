// Questions about the graph of a plan: which disks a build needs, what is below a node, and which paths are longest.

import type { BuildRecord } from '../../model/artifact.ts';
import { type Node, needsOf } from '../../model/graph.ts';
import type { Action, Plan } from '../../model/plan.ts';

interface Planned {
  readonly node: Node;
  readonly action: Pick<Action, 'type'>;
}

/**
 * The names of the nodes whose disks a build needs: images, the parents of their disks, and what layers that run depend on.
 * A layer that others only mounted when they were built is not among them.
 * @param wanted the layers of named images
 */
export function neededNodes(plan: readonly Planned[], wanted: ReadonlySet<string>): Set<string> {
  const isNeededByAny = new Set(plan.flatMap(({ node }) => needsOf(node)));
  const needed = new Set(wanted);
  for (const { node, action } of plan.toReversed()) {
    if (!isNeededByAny.has(node.name)) needed.add(node.name);
    if (action.type === 'run') for (const name of needsOf(node)) needed.add(name);
    else if (needed.has(node.name) && node.parent !== undefined) needed.add(node.parent);
  }
  return needed;
}

/** The records of everything that a node depends on, directly or not, lowest first. */
export function recordsBelow(
  node: Node,
  nodes: readonly Node[],
  records: ReadonlyMap<string, BuildRecord>,
): readonly BuildRecord[] {
  const below = new Set(needsOf(node));
  for (const other of nodes.toReversed()) {
    if (below.has(other.name)) for (const name of needsOf(other)) below.add(name);
  }
  return nodes.flatMap(({ name }) => (below.has(name) ? (records.get(name) ?? []) : []));
}

/** The positions of a plan's nodes: those on which the longest chains depend come first, otherwise in the order of the plan. */
export function longestPathsFirst(plan: Plan): number[] {
  const lengths = new Map<string, number>();
  for (const { node } of plan.toReversed()) {
    const own = lengths.get(node.name) ?? 1;
    lengths.set(node.name, own);
    for (const name of needsOf(node)) lengths.set(name, Math.max(lengths.get(name) ?? 1, own + 1));
  }
  const lengthOf = (position: number) => lengths.get(plan[position]?.node.name ?? '') ?? 0;
  return [...plan.keys()].sort((a, b) => lengthOf(b) - lengthOf(a));
}
