// What each layer stands on, and what a target needs.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Graph } from '../../../src/model/graph.ts';
import type { Bases } from '../../../src/model/project.ts';
import { buildGraph, graphUpTo, leavesOf } from '../../../src/plan/graph.ts';
import { failureIn, layerOf, valueIn } from '../../rig/tree.ts';

const BASE: Bases = new Map([['base', { type: 'file', path: '/base.qcow2' }]]);
const NO_BASE: Bases = new Map();
const scratch = (name: string) => layerOf(name, { kind: 'modify-disk', hints: { from: 'scratch' } });

/** `10_a<base 20_b<10_a`: every node with what it stands on. */
function drawn(graph: Graph): string {
  return graph.nodes
    .map((node) => (node.type === 'base' ? node.name : `${node.name}<${node.parent ?? '-'}`))
    .join(' ');
}

describe('buildGraph', () => {
  test('each layer stands on the one before it, the first on the base', () => {
    assert.equal(
      drawn(valueIn(buildGraph([layerOf('10_a'), layerOf('20_b')], BASE))),
      'base 10_a<base 20_b<10_a',
    );
  });

  test('a first layer from scratch needs no base, and none is in the graph', () => {
    const layers = [scratch('10_a'), layerOf('20_b')];
    assert.equal(drawn(valueIn(buildGraph(layers, NO_BASE))), '10_a<- 20_b<10_a');
    assert.equal(drawn(valueIn(buildGraph(layers, BASE))), '10_a<- 20_b<10_a');
  });

  test('a later layer from scratch begins a chain of its own', () => {
    const layers = [scratch('10_a'), layerOf('20_b'), scratch('30_c'), layerOf('40_d')];
    assert.equal(drawn(valueIn(buildGraph(layers, NO_BASE))), '10_a<- 20_b<10_a 30_c<- 40_d<30_c');
  });

  test('nothing to stand on is an error that names both ways out', () => {
    for (const kind of ['build-layer', 'modify-disk'] as const) {
      const failure = failureIn(buildGraph([layerOf('10_a', { kind })], NO_BASE));
      assert.equal(failure.kind, 'usage');
      assert.match(failure.message, /10_a has no parent/);
      assert.equal(failure.where?.file, '/project/layers/10_a');
      assert.match(failure.hint ?? '', /base:.*# vlb: from scratch/);
    }
  });

  const from = (name: string, layer: string) => layerOf(name, { hints: { from: { layer, line: 2 } } });
  const mounting = (name: string, layer: string) =>
    layerOf(name, { hints: { layerMounts: [{ layer, target: '/m', line: 3 }] } });

  test('a hint names another parent, before or behind, in full or without the number', () => {
    const layers = [
      scratch('10_a'),
      layerOf('20_b'),
      from('30_c', 'a'),
      from('40_d', '50_e'),
      from('50_e', '10_a'),
    ];
    const graph = valueIn(buildGraph(layers, NO_BASE));
    assert.equal(drawn(graph), '10_a<- 20_b<10_a 30_c<10_a 50_e<10_a 40_d<50_e');
    assert.deepEqual(
      leavesOf(graph).map((node) => node.name),
      ['20_b', '30_c', '40_d'],
    );
  });

  test('the base can be named, unless a layer has its name', () => {
    assert.equal(
      drawn(valueIn(buildGraph([scratch('10_a'), from('20_b', 'base')], BASE))),
      'base 10_a<- 20_b<base',
    );
    assert.equal(
      drawn(valueIn(buildGraph([scratch('10_base'), from('20_b', 'base')], BASE))),
      '10_base<- 20_b<10_base',
    );
    assert.equal(failureIn(buildGraph([scratch('10_a'), from('20_b', 'base')], NO_BASE)).kind, 'usage');
  });

  test('what is mounted is needed as well', () => {
    const layers = [scratch('10_a'), layerOf('20_b'), from('30_c', '10_a'), mounting('40_d', '20_b')];
    const graph = valueIn(buildGraph(layers, NO_BASE));
    assert.deepEqual(
      valueIn(graphUpTo(graph, ['d'])).nodes.map((node) => node.name),
      ['10_a', '20_b', '30_c', '40_d'],
    );
    assert.deepEqual(
      valueIn(graphUpTo(graph, ['c'])).nodes.map((node) => node.name),
      ['10_a', '30_c'],
    );
    assert.deepEqual(
      leavesOf(graph).map((node) => node.name),
      ['40_d'],
    );
  });

  test('an unknown parent or mount is told with file, line and the nearest name', () => {
    for (const [layers, line] of [
      [[scratch('10_first'), from('20_b', 'frist')], 2],
      [[scratch('10_first'), mounting('20_b', 'frist')], 3],
    ] as const) {
      const failure = failureIn(buildGraph(layers, NO_BASE));
      assert.deepEqual(failure.where, { file: '/project/layers/20_b/build-layer', line });
      assert.match(failure.hint ?? '', /did you mean 10_first/);
    }
  });

  test('a circle is an error that shows its path', () => {
    const failure = failureIn(
      buildGraph([scratch('10_a'), from('20_b', '40_d'), layerOf('30_c'), layerOf('40_d')], BASE),
    );
    assert.match(failure.message, /20_b → 40_d → 30_c → 20_b/);
    assert.match(failureIn(buildGraph([from('10_a', '10_a')], BASE)).message, /10_a → 10_a/);
  });

  test('of several bases the first is what the first layer stands on, others are named, and none is there in vain', () => {
    const bases: Bases = new Map(
      ['one', 'two', 'three'].map((name) => [name, { type: 'file', path: `/${name}.qcow2` }]),
    );
    const layers = [layerOf('10_a'), from('20_b', 'three'), layerOf('30_c')];
    assert.equal(drawn(valueIn(buildGraph(layers, bases))), 'one three 10_a<one 20_b<three 30_c<20_b');
    assert.equal(failureIn(buildGraph([from('10_a', 'four')], bases)).kind, 'usage');
  });

  test('a chain that is longer than the stack, in any order, and a cycle of that length', () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `${10_000 + index}_l${index}`);
    const chain = names.map((name, index) =>
      index === names.length - 1 ? scratch(name) : from(name, `l${index + 1}`),
    );
    const graph = valueIn(buildGraph(chain, NO_BASE));
    assert.deepEqual(
      graph.nodes.map(({ name }) => name),
      names.toReversed(),
    );
    assert.equal(valueIn(graphUpTo(graph, ['l0'])).nodes.length, names.length);
    const cycle = [...chain.slice(0, -1), from(names.at(-1) ?? '', 'l0')];
    assert.match(
      failureIn(buildGraph(cycle, NO_BASE)).message,
      /^layers depend on each other in a cycle: 10000_l0 → /,
    );
  });

  test('no layers, no nodes', () => assert.equal(drawn(valueIn(buildGraph([], BASE))), ''));
});

describe('graphUpTo', () => {
  const layers = ['10_base', '20_app', '30_web-app', '40_app', '50_my_app', '100_end'].map((name) =>
    layerOf(name),
  );
  const graph = valueIn(buildGraph(layers, BASE));
  const upTo = (target: string) => valueIn(graphUpTo(graph, [target]));
  const last = (target: string) => upTo(target).nodes.at(-1)?.name;

  test('a layer and all it stands on', () => {
    assert.equal(drawn(upTo('20_app')), 'base 10_base<base 20_app<10_base');
    assert.equal(upTo('100_end').nodes.length, 7);
  });

  test('other chains are left out', () => {
    const two = valueIn(
      buildGraph([scratch('10_a'), layerOf('20_b'), scratch('30_c'), layerOf('40_d')], NO_BASE),
    );
    assert.equal(drawn(valueIn(graphUpTo(two, ['40_d']))), '30_c<- 40_d<30_c');
    assert.equal(drawn(valueIn(graphUpTo(two, ['20_b']))), '10_a<- 20_b<10_a');
  });

  for (const [target, name] of [
    ['30_web-app', '30_web-app'],
    ['30', '30_web-app'],
    ['web-app', '30_web-app'],
    ['my_app', '50_my_app'],
    ['100', '100_end'],
    ['layers/20_app', '20_app'],
    ['layers/20_app/', '20_app'],
    ['20_app/', '20_app'],
  ] as const) {
    test(`${target} is ${name}`, () => assert.equal(last(target), name));
  }

  test('what could be several is an error that names them', () => {
    const failure = failureIn(graphUpTo(graph, ['app']));
    assert.equal(failure.kind, 'usage');
    assert.match(failure.message, /"app" is ambiguous: 20_app or 40_app/);
    const same = valueIn(buildGraph([layerOf('10_a'), layerOf('10_b')], BASE));
    assert.match(failureIn(graphUpTo(same, ['10'])).message, /10_a or 10_b/);
  });

  for (const [target, guess] of [
    ['20_ap', '20_app'],
    ['30_webapp', '30_web-app'],
    ['10_bsae', '10_base'],
    ['webapp', '30_web-app'],
    ['bsae', '10_base'],
  ] as const) {
    test(`${target} is unknown, ${guess} is suggested`, () => {
      const failure = failureIn(graphUpTo(graph, [target]));
      assert.equal(failure.kind, 'usage');
      assert.match(failure.message, new RegExp(`no layer named "${target}"`));
      assert.equal(failure.hint, `did you mean ${guess}?`);
    });
  }

  test('with nothing near, all are named', () => {
    assert.match(failureIn(graphUpTo(graph, ['frobnicate'])).hint ?? '', /10_base, 20_app, .*100_end/);
  });

  test('the base is no target', () => {
    const alone = valueIn(buildGraph([layerOf('10_a')], BASE));
    assert.equal(failureIn(graphUpTo(alone, ['base'])).kind, 'usage');
  });
});
