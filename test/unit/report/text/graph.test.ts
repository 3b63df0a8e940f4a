// `vlb graph` as text: small graphs as a tree, long chains straight down.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Plan, PlanStep } from '../../../../src/model/plan.ts';
import { createStyle } from '../../../../src/report/terminal/style.ts';
import { graphText } from '../../../../src/report/text/graph.ts';
import { layerOf } from '../../../rig/tree.ts';

const STYLE = createStyle(false);

/** `name<parent` each. */
function planOf(...layers: readonly string[]): Plan {
  return layers.map((text): PlanStep => {
    const [name = '', parent] = text.split('<');
    const layer = layerOf(name);
    return {
      node: { type: 'layer', name, layer, parent, mounts: [] },
      keeping: 'cached',
      action: { type: 'run', reason: 'no record', changes: [] },
    };
  });
}

const drawn = (plan: Plan) => graphText(plan, 'text', STYLE).replaceAll('  run', '');

test('a tree', () => {
  assert.equal(
    drawn(planOf('a', 'b<a', 'c<b', 'd<a', 'e<d', 'z')),
    ['a', '├─ b', '│  └─ c', '└─ d', '   └─ e', 'z'].join('\n'),
  );
});

test('below twelve levels a chain goes straight down, and what branches off it is indented', () => {
  const chain = Array.from({ length: 17 }, (_, index) =>
    `${index}<${index === 0 ? '' : index - 1}`.replace(/<$/, ''),
  );
  const text = drawn(planOf(...chain, 'x<13', 'y<13', 'y2<y')).split('\n');
  const at = ' '.repeat(36);
  assert.deepEqual(text.slice(11), [
    `${' '.repeat(30)}└─ 11`,
    `${' '.repeat(33)}└─ 12`,
    `${at}↓  13`,
    `${at}│  ├─ x`,
    `${at}│  └─ y`,
    `${at}│     ↓  y2`,
    `${at}↓  14`,
    `${at}↓  15`,
    `${at}↓  16`,
  ]);
});

test('ten thousand layers, in a chain, in a row and as a comb: no line is long', () => {
  const many = Array.from({ length: 10_000 }, (_, index) => index);
  const shapes = {
    chain: many.map((index) => (index === 0 ? '0' : `${index}<${index - 1}`)),
    row: many.map((index) => (index === 0 ? '0' : `${index}<0`)),
    comb: many.map((index) => (index === 0 ? '0' : `${index}<${index % 2 === 1 ? index - 1 : index - 2}`)),
    binary: many.map((index) => (index === 0 ? '0' : `${index}<${Math.floor((index - 1) / 2)}`)),
  };
  for (const [shape, layers] of Object.entries(shapes)) {
    const lines = drawn(planOf(...layers)).split('\n');
    assert.equal(lines.length, layers.length, shape);
    assert.ok(Math.max(...lines.map((line) => line.length)) < 80, shape);
  }
});
