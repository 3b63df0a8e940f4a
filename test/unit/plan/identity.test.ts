// Which images share the identity of a booted layer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LayerNode } from '../../../src/model/graph.ts';
import type { Layer, LayerStep, ScriptKind } from '../../../src/model/project.ts';
import { sharedIdentities } from '../../../src/plan/identity.ts';
import { layerOf } from '../../rig/tree.ts';

function node(
  name: string,
  kind: ScriptKind,
  parent: string | undefined,
  verbs: readonly string[] = [],
): LayerNode {
  const all = verbs.map(
    (verb): LayerStep => ({
      ...{
        verb,
        args: {},
        title: verb,
        version: 1,
        text: verb,
        reads: [],
        secrets: [],
        params: {},
        when: [],
      },
      where: { file: 'layer.yaml' },
    }),
  );
  const steps = { cachePoints: true, files: [], all, resolve: () => assert.fail() };
  const layer: Layer = { ...layerOf(name), kind, ...(kind === 'layer.yaml' ? { steps } : {}) };
  return { type: 'layer', name, layer, parent, mounts: [] };
}

const NODES = [
  node('10_base', 'modify-disk', undefined),
  node('20_boots', 'boot-layer', '10_base'),
  node('30_app', 'build-layer', '20_boots'),
  node('31_sealed', 'layer.yaml', '20_boots', ['run', 'sysprep']),
  node('32_steps', 'layer.yaml', '20_boots', ['run']),
  node('40_top', 'build-layer', '31_sealed'),
  node('41_again', 'boot-layer', '31_sealed'),
];

test('an image has the identity of a booted layer unless a layer above it takes that out', () => {
  const found = (...tops: readonly string[]) =>
    sharedIdentities({ nodes: NODES }, tops).map(({ top, booted }) => `${top} of ${booted}`);
  assert.deepEqual(found('10_base', '31_sealed', '40_top'), []);
  assert.deepEqual(found('20_boots', '30_app', '32_steps', '30_app'), [
    '20_boots of 20_boots',
    '30_app of 20_boots',
    '32_steps of 20_boots',
  ]);
  assert.deepEqual(found('41_again'), ['41_again of 41_again']);
});
