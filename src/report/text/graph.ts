// The graph of layers as a tree, and as input for tools that draw graphs.

import { bytesOf, mainDisk } from '../../model/artifact.ts';
import type { Plan, PlanStep } from '../../model/plan.ts';
import type { Style } from '../terminal/style.ts';

export type GraphFormat = 'text' | 'dot' | 'mermaid' | 'json';

/** A plan's graph, each layer with its state. */
export function graphText(plan: Plan, format: GraphFormat, style: Style): string {
  switch (format) {
    case 'text':
      return tree(plan, undefined, '', style).join('\n');
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

function tree(plan: Plan, parent: string | undefined, indent: string, style: Style): string[] {
  const children = plan.filter((step) => step.node.parent === parent);
  return children.flatMap((step, index) => {
    const last = index === children.length - 1;
    const [branch, below] = parent === undefined ? ['', ''] : last ? ['└─ ', '   '] : ['├─ ', '│  '];
    const { node, action } = step;
    const mounts = node.mounts.length > 0 ? ` ← ${node.mounts.map(({ name }) => name).join(', ')}` : '';
    const line = `${indent}${branch}${style.bold(node.name)}${mounts}  ${style.dim(action.type)}`;
    return [line, ...tree(plan, node.name, indent + below, style)];
  });
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
