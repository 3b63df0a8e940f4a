// A store and a project as vlb 0.1 left them, file by file: what it built is found, and nothing has to run.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseRecipe } from '../../../src/kinds/base/content.ts';
import { lineageOf } from '../../../src/model/graph.ts';
import type { Bases } from '../../../src/model/project.ts';
import { parseRecord, recordText } from '../../../src/model/record.ts';
import { buildGraph } from '../../../src/plan/graph.ts';
import { layerRecipe } from '../../../src/plan/key.ts';
import { makePlan, type RecipeOf } from '../../../src/plan/plan.ts';
import { openInPlace } from '../../../src/store/in-place/in-place.ts';
import { openStore, placesOf } from '../../rig/store.ts';
import { type Files, layerOf, Tree, valueIn } from '../../rig/tree.ts';

const BASES: Bases = new Map([
  ['base', { type: 'url', url: 'https://example.org/base.qcow2', sha256: 'e'.repeat(64) }],
]);
const LAYERS = [
  layerOf('10_app'),
  layerOf('20_data', {
    kind: 'modify-disk',
    params: { SIZE: '2' },
    hints: { diskSize: 1_073_741_824, layerMounts: [{ layer: '10_app', target: '/app', line: 2 }] },
  }),
  layerOf('30_now', { hints: { nocache: true } }),
];
const MANIFESTS: Readonly<Record<string, string>> = {
  '10_app': 'file x 0123456789abcdef "./build-layer"\n',
  '20_data': 'file x fedcba9876543210 "./modify-disk"\n',
  '30_now': 'file x 0000000000000001 "./build-layer"\n',
};

/** The SHA-256 of each artifact's bytes, "base bytes" and so on. */
const BASE_DIGEST = '4f6a821a3a8811b223d5144f73b9d2262286a13741fff195faf1df54b2b29c98';
const APP_DIGEST = 'd8c3f013b13ed63ca6bf1605b2031565d20f67e43f89405db8c7282a7bc49e8c';
const DATA_DIGEST = 'd445380793ee8b6c094ba96c7450028a5a8e68251a4d16e7be787a6373f0a9ab';
const NOW_DIGEST = '9f6047212511b506ddb80f165143193e02806c23ee4ad284cba9436df0dcc722';

const BASE_KEY = '4ac5f1b223bc887ef9f243206c25f8f2689da04599e21430c1f0bfd8d31e84c8';
const APP_KEY = '46b84ac94d0061d0cf5f21cf6bc58bb60f2ab6ff090203c2595fcd450b36af2d';
const DATA_KEY = '3391f984ee20c5ceb202451d938775158467fc929d29fa4ea5a4917f70644d03';

const BASE_RECORD = `{
 "schema": 1,
 "key": "${BASE_KEY}",
 "layer": "base",
 "artifact": {
  "digest": "${BASE_DIGEST}",
  "keeping": "cached",
  "bytes": 10
 },
 "parent": null,
 "seconds": 1.25,
 "created": "2025-01-01T00:00:00.000Z",
 "recipe": "schema 1\\nkind base\\ncontent sha256:${'e'.repeat(64)}\\n"
}
`;
const APP_RECORD = `{
 "schema": 1,
 "key": "${APP_KEY}",
 "layer": "10_app",
 "artifact": {
  "digest": "${APP_DIGEST}",
  "keeping": "cached",
  "bytes": 9
 },
 "parent": {
  "digest": "${BASE_DIGEST}",
  "keeping": "cached"
 },
 "seconds": 2,
 "created": "2025-01-01T00:00:01.000Z",
 "recipe": "schema 1\\nkind build-layer\\narchitecture x64\\nparent ${BASE_DIGEST}\\ndisk-size -\\nroot-partition -\\nfile x 0123456789abcdef \\"./build-layer\\"\\n"
}
`;
const DATA_RECORD = `{
 "schema": 1,
 "key": "${DATA_KEY}",
 "layer": "20_data",
 "artifact": {
  "digest": "${DATA_DIGEST}",
  "keeping": "cached",
  "bytes": 10
 },
 "parent": {
  "digest": "${APP_DIGEST}",
  "keeping": "cached"
 },
 "noshare": true,
 "seconds": 0.5,
 "created": "2025-01-01T00:00:02.000Z",
 "recipe": "schema 1\\nkind modify-disk\\narchitecture x64\\nparent ${APP_DIGEST}\\nmount ${APP_DIGEST} \\"/app\\"\\ndisk-size 1073741824\\nroot-partition -\\nparam \\"SIZE=2\\"\\nfile x fedcba9876543210 \\"./modify-disk\\"\\n"
}
`;
const NOW_RECORD = `{
 "schema": 1,
 "key": "bafe4b8866a2561e02bb97ce77f50b1dc7882c9f70195f881c9323c4f3a6f4ab",
 "layer": "30_now",
 "artifact": {
  "digest": "${NOW_DIGEST}",
  "keeping": "uncached",
  "bytes": 9
 },
 "parent": {
  "digest": "${DATA_DIGEST}",
  "keeping": "cached"
 },
 "seconds": 3,
 "created": "2025-01-01T00:00:03.000Z",
 "recipe": "schema 1\\nkind build-layer\\narchitecture x64\\nparent ${DATA_DIGEST}\\ndisk-size -\\nroot-partition -\\nfile x 0000000000000001 \\"./build-layer\\"\\n"
}
`;

const STORE: Files = {
  [`project/.vlb/store/keys/${BASE_KEY}.json`]: BASE_RECORD,
  [`project/.vlb/store/keys/${APP_KEY}.json`]: APP_RECORD,
  [`project/.vlb/store/keys/${DATA_KEY}.json`]: DATA_RECORD,
  [`project/.vlb/store/sha256/${BASE_DIGEST}.qcow2`]: 'base bytes',
  [`project/.vlb/store/sha256/${APP_DIGEST}.qcow2`]: 'app bytes',
  [`project/.vlb/store/sha256/${DATA_DIGEST}.qcow2`]: 'data bytes',
  [`project/.vlb/store/sha256/uncached-${NOW_DIGEST}.qcow2`]: 'now bytes',
  'project/.vlb/in-place/30_now.json': NOW_RECORD,
};

const LINKS: Files = {
  'project/.vlb/in-place/10_app.json': APP_RECORD,
  'project/.vlb/in-place/20_data.json': DATA_RECORD,
  'project/build/10_app.qcow2': { link: `../.vlb/store/sha256/${APP_DIGEST}.qcow2` },
  'project/build/20_data.qcow2': { link: `../.vlb/store/sha256/${DATA_DIGEST}.qcow2` },
  'project/build/30_now.qcow2': { link: `../.vlb/store/sha256/uncached-${NOW_DIGEST}.qcow2` },
};

const recipeOf: RecipeOf = (node, known) => {
  if (node.type === 'base') return baseRecipe(`sha256:${'e'.repeat(64)}`);
  const below = lineageOf(node, known);
  return below && layerRecipe(node.layer, MANIFESTS[node.name] ?? '', below);
};

async function actions(tree: Tree): Promise<readonly string[]> {
  const project = tree.path('project');
  const directory = tree.path('project/.vlb/store');
  const store = valueIn(openStore({ directory, owner: '1-1.aaaaaaaa', isAlive: () => true }));
  const artifacts = store.artifactDirectory;
  const inPlace = openInPlace({ ...placesOf(project), artifacts, drop: async () => {} });
  const graph = valueIn(buildGraph(LAYERS, BASES));
  const plan = await makePlan(graph, recipeOf, store, inPlace);
  return plan.map(({ node, action }) => `${node.name} ${action.type}`);
}

test('what is in place is fresh', async () => {
  using tree = new Tree({ ...STORE, ...LINKS });
  assert.deepEqual(await actions(tree), ['base fresh', '10_app fresh', '20_data fresh', '30_now fresh']);
});

test('what is only in the store is restored', async () => {
  using tree = new Tree(STORE);
  assert.deepEqual(await actions(tree), [
    'base fresh',
    '10_app restore',
    '20_data restore',
    '30_now restore',
  ]);
});

test('a record is written as it was read', () => {
  for (const text of [BASE_RECORD, APP_RECORD, DATA_RECORD, NOW_RECORD]) {
    const record = parseRecord(text);
    assert.ok(record);
    assert.equal(`${recordText(record, 1)}\n`, text);
  }
});
