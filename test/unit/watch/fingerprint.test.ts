// Fingerprints: the same as long as a layer and all that it needs have the same inputs, whatever they are called.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineageOf } from '../../../src/model/graph.ts';
import type { Plan } from '../../../src/model/plan.ts';
import { layerRecipe } from '../../../src/plan/key.ts';
import type { RecipeOf } from '../../../src/plan/plan.ts';
import { changedLayers, type Fingerprints, fingerprintsOf, isSame } from '../../../src/watch/fingerprint.ts';
import { NO_HINTS, PLATFORM } from '../../rig/tree.ts';

/** A chain of layers, each with the text of its inputs. */
function chain(inputs: Readonly<Record<string, string>>): { plan: Plan; now: Fingerprints } {
  const names = Object.keys(inputs);
  const plan: Plan = names.map((name, at) => ({
    node: {
      type: 'layer',
      name,
      layer: {
        name,
        directory: `/p/${name}`,
        kind: 'build-layer',
        platform: PLATFORM,
        hints: NO_HINTS,
        params: {},
      },
      parent: names[at - 1],
      mounts: [],
    },
    keeping: 'cached',
    action: { type: 'run', reason: 'no record', changes: [] },
  }));
  const recipeOf: RecipeOf = (node, known) => {
    const below = lineageOf(node, known);
    return node.type === 'layer' && below
      ? layerRecipe(node.layer, inputs[node.name] ?? '', below)
      : undefined;
  };
  return { plan, now: fingerprintsOf(plan, recipeOf) };
}

const BEFORE = chain({ '10_a': 'a', '20_b': 'b', '30_c': 'c' });

/** What is told to have changed, and which layers have to be built anew. */
function compared(inputs: Readonly<Record<string, string>>) {
  const { plan, now } = chain(inputs);
  const old = new Set(BEFORE.now.values());
  const others = [...now].filter(([, fingerprint]) => !old.has(fingerprint)).map(([name]) => name);
  return { told: changedLayers(BEFORE.now, now, plan), others, same: isSame(BEFORE.now, now) };
}

test('nothing changed', () => {
  assert.deepEqual(compared({ '10_a': 'a', '20_b': 'b', '30_c': 'c' }), { told: [], others: [], same: true });
});

test('a change goes up, and is told once', () => {
  assert.deepEqual(compared({ '10_a': 'a', '20_b': 'B', '30_c': 'c' }), {
    told: ['20_b'],
    others: ['20_b', '30_c'],
    same: false,
  });
});

test('another name is no change of anything, and yet another project', () => {
  assert.deepEqual(compared({ '10_a': 'a', '25_x': 'b', '30_c': 'c' }), {
    told: [],
    others: [],
    same: false,
  });
});

test('one that is gone, and one that is new', () => {
  assert.deepEqual(compared({ '10_a': 'a', '30_c': 'c' }), {
    told: ['30_c', '20_b'],
    others: ['30_c'],
    same: false,
  });
  assert.deepEqual(compared({ '10_a': 'a', '20_b': 'b', '30_c': 'c', '40_d': 'd' }).told, ['40_d']);
});
