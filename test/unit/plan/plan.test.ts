// Plans over a store and outputs that are only maps: what is fresh, what is restored, what runs, and why.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Plan } from '../../../src/model/plan.ts';
import type { Bases, Layer } from '../../../src/model/project.ts';
import { keyOf } from '../../../src/model/recipe.ts';
import { buildGraph } from '../../../src/plan/graph.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import { artifactOf, digestOf, layerOf, valueIn } from '../../rig/tree.ts';
import { World } from './world.ts';

const BASES: Bases = new Map([['base', { type: 'file', path: '/base.qcow2' }]]);
const CHAIN = ['10_a', '20_b', '30_c', '40_d'].map((name) => layerOf(name));

/** The chain with one layer nocache. */
function chainWithNocache(name: string): Layer[] {
  return CHAIN.map((layer) => (layer.name === name ? layerOf(name, { hints: { nocache: true } }) : layer));
}

function planFor(world: World, layers: readonly Layer[] = CHAIN): Promise<Plan> {
  return makePlan(valueIn(buildGraph(layers, BASES)), world.recipeOf, world, world);
}

/** `base fresh, 10_a run (no record)` */
function told(plan: Plan): string {
  return plan
    .map(
      ({ node, action }) =>
        `${node.name} ${action.type}${action.type === 'run' ? ` (${action.reason})` : ''}`,
    )
    .join(', ');
}

async function builtWorld(layers: readonly Layer[] = CHAIN): Promise<World> {
  const world = new World();
  world.build(await planFor(world, layers), '12345678');
  return world;
}

test('branches are looked up at the same time, each layer after its parent', async () => {
  const from = (layer: string) => ({ hints: { from: { layer, line: 1 } } });
  const branches = [
    layerOf('10_a'),
    ...['20_b', '30_c', '40_d'].map((name) => layerOf(name, from('10_a'))),
    ...['50_e', '60_f', '70_g'].map((name, at) => layerOf(name, from(`${at + 2}0_${'bcd'[at]}`))),
  ];
  const world = await builtWorld(branches);
  let asking = 0;
  const most: number[] = [];
  const lookup: World['lookup'] = async (key) => {
    most.push(++asking);
    await new Promise(setImmediate);
    asking--;
    return world.records.get(key);
  };
  const plan = await planFor(Object.assign(world, { lookup }), branches);
  assert.match(told(plan), /^base fresh, 10_a fresh, 20_b fresh(, \d0_[c-g] fresh){5}$/);
  assert.deepEqual([most.length, Math.max(...most)], [8, 3]);
});

describe('a chain', () => {
  test('nothing is there: the first runs for want of a record, the others since their parents do', async () => {
    assert.equal(
      told(await planFor(new World())),
      'base run (no record), 10_a run (parent changed), 20_b run (parent changed), 30_c run (parent changed), 40_d run (parent changed)',
    );
  });

  test('all is there: fresh', async () => {
    const plan = await planFor(await builtWorld());
    assert.equal(told(plan), 'base fresh, 10_a fresh, 20_b fresh, 30_c fresh, 40_d fresh');
    assert.ok(plan.every(({ keeping }) => keeping === 'cached'));
  });

  test('in the store but not in place, or another one in place: restored; the base needs no place', async () => {
    const world = await builtWorld();
    world.links.delete('20_b');
    world.links.set('30_c', digestOf('f'));
    assert.equal(
      told(await planFor(world)),
      'base fresh, 10_a fresh, 20_b restore, 30_c restore, 40_d fresh',
    );
  });

  test('an edit runs its layer and all above it; below it nothing', async () => {
    const world = await builtWorld();
    world.inputs.set('20_b', 'edited');
    assert.equal(
      told(await planFor(world)),
      'base fresh, 10_a fresh, 20_b run (no record), 30_c run (parent changed), 40_d run (parent changed)',
    );
  });

  test('putting an edit back finds the earlier builds', async () => {
    const world = await builtWorld();
    world.inputs.set('20_b', 'edited');
    world.build(await planFor(world), '12678');
    assert.equal(told(await planFor(world)), 'base fresh, 10_a fresh, 20_b fresh, 30_c fresh, 40_d fresh');
    world.inputs.delete('20_b');
    assert.equal(
      told(await planFor(world)),
      'base fresh, 10_a fresh, 20_b restore, 30_c restore, 40_d restore',
    );
  });

  test('hits are a prefix: nothing is asked for behind a layer that runs', async () => {
    const world = await builtWorld();
    world.inputs.set('20_b', 'edited');
    await planFor(world);
    assert.deepEqual(world.asked, ['base', '10_a', '20_b']);
  });
});

test('behind a run, its own changes are its reason, and its parent is without a digest', async () => {
  const world = await builtWorld();
  for (const record of world.records.values()) world.uncachedRecords.set(record.layer, record);
  world.inputs.set('20_b', 'edited').set('40_d', 'edited');
  const plan = await planFor(world);
  assert.equal(
    told(plan),
    'base fresh, 10_a fresh, 20_b run (settings changed), 30_c run (parent changed), 40_d run (settings changed)',
  );
  const changes = plan.map(({ action }) => (action.type === 'run' ? action.changes : []));
  assert.deepEqual(changes.slice(3), [
    [{ type: 'parent', before: digestOf('3'), after: 'not-built-yet' }],
    [
      { type: 'parent', before: digestOf('4'), after: 'not-built-yet' },
      { type: 'setting', name: 'script', before: '-', after: 'edited' },
    ],
  ]);
});

test('a child goes by the digest of its parent, not by its key', async () => {
  const world = await builtWorld();
  const plan = await planFor(world);
  const parent = plan.find(({ node }) => node.name === '20_b');
  assert.ok(parent?.action.type === 'fresh');
  const { record } = parent.action;
  // Built again under the same key, with other bytes.
  const again = { ...record, artifact: artifactOf(digestOf('9')) };
  world.records.set(record.key, again);
  assert.equal(
    told(await planFor(world)),
    'base fresh, 10_a fresh, 20_b restore, 30_c run (no record), 40_d run (parent changed)',
  );
  // Under another key, but with the very same bytes.
  world.inputs.set('20_b', 'a comment more');
  const key = keyOf(world.recipeOf(parent.node, new Map([['10_a', artifactOf(digestOf('2'))]])) ?? '');
  world.records.set(key, { ...record, key });
  assert.equal(told(await planFor(world)), 'base fresh, 10_a fresh, 20_b fresh, 30_c fresh, 40_d fresh');
});

test('chains do not touch each other', async () => {
  const hints = { from: 'scratch' } as const;
  const layers = [layerOf('10_a', { hints }), layerOf('20_b'), layerOf('30_c', { hints }), layerOf('40_d')];
  const world = await builtWorld(layers);
  world.inputs.set('10_a', 'edited');
  assert.equal(
    told(await planFor(world, layers)),
    '10_a run (no record), 20_b run (parent changed), 30_c fresh, 40_d fresh',
  );
});

describe('nocache', () => {
  const layers = chainWithNocache('20_b');

  test('a layer and all that stands on it are uncached; what it stands on is not', async () => {
    const plan = await planFor(new World(), layers);
    assert.deepEqual(
      plan.map(({ keeping }) => keeping),
      ['cached', 'cached', 'uncached', 'uncached', 'uncached'],
    );
    assert.equal(
      told(plan),
      'base run (no record), 10_a run (parent changed), 20_b run (nocache), 30_c run (nocache), 40_d run (nocache)',
    );
  });

  test('in place as it should be, it is fresh', async () => {
    const world = await builtWorld(layers);
    assert.equal(
      told(await planFor(world, layers)),
      'base fresh, 10_a fresh, 20_b fresh, 30_c fresh, 40_d fresh',
    );
  });

  test('its link alone can be made again', async () => {
    const world = await builtWorld(layers);
    world.links.clear();
    assert.equal(
      told(await planFor(world, layers)),
      'base fresh, 10_a restore, 20_b restore, 30_c restore, 40_d restore',
    );
  });

  const runs = 'base fresh, 10_a fresh, 20_b run (nocache), 30_c run (nocache), 40_d run (nocache)';

  test('after an edit, or with its artifact or its record gone, it runs', async () => {
    const world = await builtWorld(layers);
    world.inputs.set('20_b', 'edited');
    assert.equal(told(await planFor(world, layers)), runs);
    world.inputs.delete('20_b');
    world.artifacts.delete(digestOf('3'));
    assert.equal(told(await planFor(world, layers)), runs);
    world.artifacts.add(digestOf('3'));
    world.uncachedRecords.delete('20_b');
    assert.equal(told(await planFor(world, layers)), runs);
  });

  test('a record in the store is not for it', async () => {
    const world = await builtWorld(CHAIN);
    assert.equal(told(await planFor(world, layers)), runs);
  });

  test('and its own is not for a layer that is cached by now', async () => {
    const world = await builtWorld(layers);
    assert.match(
      told(await planFor(world, CHAIN)),
      /20_b run \(artifact lost\), 30_c run \(parent changed\)/,
    );
  });

  test('a nocache layer that is last concerns nobody else', async () => {
    const plan = await planFor(new World(), chainWithNocache('40_d'));
    assert.equal(plan.filter(({ keeping }) => keeping === 'uncached').length, 1);
  });
});
