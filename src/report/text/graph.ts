// The graph of layers as a tree, and as input for tools that draw graphs.

import { bytesOf, mainDisk } from '../../model/artifact.ts';
import type { Plan, PlanStep } from '../../model/plan.ts';
import type { Style } from '../terminal/style.ts';

export type GraphFormat = 'text' | 'dot' | 'mermaid' | 'json';

/** A plan's graph, each layer with its state. */
export function graphText(plan: Plan, format: GraphFormat, style: Style): string {
  switch (format) {
    case 'text':
      return treeLines(plan, style).join('\n');
    case 'dot':
      return ['digraph vlb {', '  rankdir=BT;', ...plan.flatMap(dotLines), '}'].join('\n');
    case 'mermaid':
      return ['graph BT', ...plan.flatMap(mermaidLines)].join('\n');
    case 'json':
      return JSON.stringify(plan.map(layerJson), undefined, 2);
  }
}

/** A layer in the output of --json. */
export function layerJson({ node, keeping, action }: PlanStep) {
  return {
    layer: node.name,
    kind: node.layer?.kind ?? 'base',
    parent: node.parent ?? null,
    mounts: node.mounts.map(({ name }) => name),
    cached: keeping === 'cached',
    state: action.type,
    ...(action.type === 'run'
      ? { reason: action.reason, changes: action.changes }
      : {
          key: action.record.key,
          digest: mainDisk(action.record.artifact).digest,
          bytes: bytesOf(action.record.artifact),
        }),
  };
}

/** A plan in the output of --json: its layers, and behind them the exports, which have no `layer`. */
export function planJson(
  plan: Plan,
  exports: readonly {
    readonly machine: string;
    readonly format: string;
    readonly reason: string | undefined;
  }[],
) {
  const exported = exports.map(({ reason, ...about }) => ({
    ...about,
    ...(reason === undefined ? { state: 'fresh' } : { state: 'export', reason }),
  }));
  return [...plan.map(layerJson), ...exported];
}

/** From this depth on, chains go straight down: each level of a tree would be wider than a terminal, and the text quadratic. */
const DEEPEST = 12;

/** A line to come. */
interface Branch {
  readonly step: PlanStep;
  /** What is in front of the layer. */
  readonly mark: string;
  /** What is in front of the marks of its children. */
  readonly below: string;
  /** What is in front of the mark of the child that continues its chain, from DEEPEST on. */
  readonly chain: string;
  readonly depth: number;
}

function treeLines(plan: Plan, style: Style): string[] {
  const children = Map.groupBy(plan, ({ node }) => node.parent);
  const sizes = subtreeSizes(plan);
  const lines: string[] = [];
  const open: Branch[] = [];
  // The line to come next is the last one.
  const add = (branches: readonly Branch[]) => {
    for (const branch of branches.toReversed()) open.push(branch);
  };
  add((children.get(undefined) ?? []).map((step) => ({ step, mark: '', below: '', chain: '', depth: 0 })));
  for (let next = open.pop(); next; next = open.pop()) {
    lines.push(next.mark + layerText(next.step, style));
    const steps = children.get(next.step.node.name) ?? [];
    add(next.depth < DEEPEST ? branchesOf(next, steps) : chainedBranches(next, steps, sizes));
  }
  return lines;
}

function branchesOf({ below, depth }: Branch, steps: readonly PlanStep[]): readonly Branch[] {
  return steps.map((step, index) => {
    const [branch, line] = index === steps.length - 1 ? ['└─ ', '   '] : ['├─ ', '│  '];
    return { step, mark: below + branch, below: below + line, chain: below + line, depth: depth + 1 };
  });
}

/** The largest subtree comes last, in the column of its chain; so the depth of what is indented is logarithmic. */
function chainedBranches(
  parent: Branch,
  steps: readonly PlanStep[],
  sizes: ReadonlyMap<string, number>,
): readonly Branch[] {
  const sizeOf = ({ node }: PlanStep) => sizes.get(node.name) ?? 1;
  const largest = steps.toSorted((a, b) => sizeOf(a) - sizeOf(b)).at(-1);
  if (!largest) return [];
  const { chain, depth } = parent;
  const isChained = parent.mark.endsWith(DOWN);
  const others = steps.filter((step) => step !== largest);
  return [
    ...branchesOf(isChained ? parent : { ...parent, below: `${chain}│  ` }, others),
    { step: largest, mark: chain + DOWN, below: `${chain}│  `, chain, depth: depth + 1 },
  ];
}

/** In front of a layer that is built on the one above it in that column. */
const DOWN = '↓  ';

/** How many layers are built on each, itself included. */
function subtreeSizes(plan: Plan): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { node } of plan.toReversed()) {
    const own = (sizes.get(node.name) ?? 0) + 1;
    sizes.set(node.name, own);
    if (node.parent !== undefined) sizes.set(node.parent, (sizes.get(node.parent) ?? 0) + own);
  }
  return sizes;
}

function layerText({ node, action }: PlanStep, style: Style): string {
  const mounts = node.mounts.length > 0 ? ` ← ${node.mounts.map(({ name }) => name).join(', ')}` : '';
  return `${style.bold(node.name)}${mounts}  ${style.dim(action.type)}`;
}

function dotLines(step: PlanStep): string[] {
  const name = JSON.stringify(step.node.name);
  const lines = [`  ${name} [label=${JSON.stringify(`${step.node.name}\n${step.action.type}`)}];`];
  const parent = step.node.parent;
  if (parent !== undefined) lines.push(`  ${name} -> ${JSON.stringify(parent)};`);
  for (const mount of step.node.mounts) {
    lines.push(`  ${name} -> ${JSON.stringify(mount.name)} [style=dashed];`);
  }
  return lines;
}

function mermaidLines(step: PlanStep): string[] {
  const id = (name: string) => `l_${name.replaceAll(/[^A-Za-z0-9]/g, '_')}`;
  const { name } = step.node;
  const lines = [`  ${id(name)}["${name}: ${step.action.type}"]`];
  const parent = step.node.parent;
  if (parent !== undefined) lines.push(`  ${id(name)} --> ${id(parent)}`);
  for (const mount of step.node.mounts) lines.push(`  ${id(name)} -.-> ${id(mount.name)}`);
  return lines;
}
