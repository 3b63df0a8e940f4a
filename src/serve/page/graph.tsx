// The graph of the layers as a picture: each leads to its view, is as wide as its name, and has a bar as long as its last build.

import { Graph, layout } from '@dagrejs/dagre';
import { useMemo } from 'preact/hooks';
import type { LayerAnswer } from '../routes/project.ts';
import { layerLink, seconds } from './parts.tsx';

const HEIGHT = 44;
const MARGIN = 8;

interface Box {
  readonly layer: LayerAnswer;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

interface Line {
  readonly key: string;
  readonly points: string;
  readonly isMount: boolean;
}

function arrange(layers: readonly LayerAnswer[]) {
  const graph = new Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 24, ranksep: 28, marginx: MARGIN, marginy: MARGIN });
  graph.setDefaultEdgeLabel(() => ({}));
  const widthOf = ({ name }: LayerAnswer) => Math.max(120, name.length * 8 + 32);
  for (const layer of layers) graph.setNode(layer.name, { width: widthOf(layer), height: HEIGHT });
  const mounts = new Set<string>();
  for (const { name, parent, mounts: mounted } of layers) {
    if (parent !== null) graph.setEdge(parent, name);
    for (const other of mounted) {
      if (other === parent) continue;
      graph.setEdge(other, name);
      mounts.add(`${other} ${name}`);
    }
  }
  layout(graph);
  const boxes = layers.map((layer): Box => {
    const { x = 0, y = 0, width = 0 } = graph.node(layer.name);
    return { layer, x: x - width / 2, y: y - HEIGHT / 2, width };
  });
  const lines = graph.edges().map(({ v, w }): Line => {
    const points = graph.edge(v, w).points ?? [];
    const key = `${v} ${w}`;
    return {
      key,
      points: points.map(({ x, y }: { readonly x: number; readonly y: number }) => `${x},${y}`).join(' '),
      isMount: mounts.has(key),
    };
  });
  const { width = 0, height = 0 } = graph.graph();
  return { boxes, lines, width, height };
}

/** All layers. A dashed line is a mount. */
export function GraphPicture({ layers }: { readonly layers: readonly LayerAnswer[] }) {
  const shape = layers.map(({ name, parent, mounts }) => [name, parent, ...mounts].join()).join(';');
  const { boxes, lines, width, height } = useMemo(() => arrange(layers), [shape]);
  const longest = Math.max(1, ...layers.map((layer) => layer.seconds ?? 0));
  const now = new Map(layers.map((layer) => [layer.name, layer]));
  return (
    <section class="graph" aria-label="Graph of the layers" tabIndex={0}>
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="group" aria-label="Layers">
        {lines.map(({ key, points, isMount }) => (
          <polyline key={key} points={points} class={isMount ? 'mount' : ''} />
        ))}
        {boxes.map(({ layer, x, y, width: boxWidth }) => {
          const { name, state, seconds: taken } = now.get(layer.name) ?? layer;
          const bar = ((taken ?? 0) / longest) * (boxWidth - 2 * MARGIN);
          return (
            <a key={name} href={layerLink(name)}>
              <rect x={x} y={y} width={boxWidth} height={HEIGHT} rx="6" class={state} />
              <text x={x + MARGIN} y={y + 18}>
                {name}
              </text>
              <text x={x + MARGIN} y={y + 33} class="small">
                {[state, seconds(taken)].filter(Boolean).join(' · ')}
              </text>
              <rect x={x + MARGIN} y={y + HEIGHT - 6} width={bar} height="3" class="bar" />
            </a>
          );
        })}
      </svg>
    </section>
  );
}
