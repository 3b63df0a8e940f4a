// The JSON events are an interface: their schema, their version, and that no old field is lost.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { BuildEvent, Watching } from '../../../../src/model/event.ts';
import type { Failure } from '../../../../src/model/failure.ts';
import { jsonReporter } from '../../../../src/report/reporters/json.ts';
import { type Schema, violations } from '../../../rig/json-schema.ts';
import { REPOSITORY } from '../../../rig/project.ts';

const SCHEMA: Schema = JSON.parse(readFileSync(path.join(REPOSITORY, 'docs/events.schema.json'), 'utf8'));

const FAILURE: Required<Failure> = {
  kind: 'work',
  message: 'it failed',
  where: { file: 'layers/10_a/build-layer', line: 1, column: 1 },
  hint: 'try again',
  detail: ['last line'],
  log: '.vlb/logs/10_a.log',
  look: 'vlb shell --failed 10_a',
  exitStatus: 1,
};

/** An event of each type, with every field that it can have. */
const FULL: {
  readonly [Type in BuildEvent['type']]: readonly Required<Extract<BuildEvent, { type: Type }>>[];
} = {
  plan: [{ type: 'plan', steps: [{ layer: '10_a', action: 'run', reason: 'no record' }] }],
  'layer-started': [{ type: 'layer-started', layer: '10_a', node: 'node1' }],
  'layer-stage': [{ type: 'layer-stage', layer: '10_a', stage: 'mount' }],
  'layer-step': [{ type: 'layer-step', layer: '10_a', index: 3, count: 9, title: 'install nginx' }],
  output: [{ type: 'output', layer: '10_a', line: 'text' }],
  'layer-size': [{ type: 'layer-size', layer: '10_a', bytes: 1 }],
  progress: [{ type: 'progress', layer: 'base', bytes: 1, total: 2 }],
  transfer: [{ type: 'transfer', direction: 'fetch', layer: '10_a', state: 'under way', bytes: 1, total: 2 }],
  'layer-finished': [
    {
      type: 'layer-finished',
      layer: '10_a',
      outcome: 'failed',
      seconds: 0.5,
      bytes: 1,
      digest: 'ab',
      failure: FAILURE,
    },
  ],
  'export-started': [{ type: 'export-started', machine: 'web', format: 'qcow2' }],
  'export-progress': [{ type: 'export-progress', machine: 'web', format: 'qcow2', bytes: 1, total: 2 }],
  'export-finished': [
    {
      type: 'export-finished',
      machine: 'web',
      format: 'qcow2',
      outcome: 'failed',
      seconds: 0.5,
      failure: FAILURE,
    },
  ],
  'publish-started': [{ type: 'publish-started', machine: 'web', to: '/srv/templates' }],
  'publish-finished': [
    {
      type: 'publish-finished',
      machine: 'web',
      to: '/srv/templates',
      outcome: 'failed',
      seconds: 0.5,
      revision: 1,
      digest: 'sha256:ab',
      failure: FAILURE,
    },
  ],
  'check-started': [{ type: 'check-started', image: 'web', check: 'true' }],
  'check-output': [{ type: 'check-output', image: 'web', line: 'text' }],
  'check-finished': [
    {
      type: 'check-finished',
      image: 'web',
      check: 'true',
      outcome: 'failed',
      seconds: 0.5,
      failure: FAILURE,
    },
  ],
  'deploy-started': [{ type: 'deploy-started', machine: 'web', target: 'libvirt' }],
  'deploy-stage': [{ type: 'deploy-stage', machine: 'web', target: 'libvirt', stage: 'shut down' }],
  'deploy-progress': [{ type: 'deploy-progress', machine: 'web', target: 'libvirt', bytes: 1, total: 2 }],
  'deploy-finished': [
    {
      type: 'deploy-finished',
      machine: 'web',
      target: 'libvirt',
      outcome: 'rolled back',
      seconds: 0.5,
      failure: FAILURE,
    },
  ],
  note: [{ type: 'note', message: 'text' }],
  watching: [
    watching({ state: 'waiting', places: ['layers'], failed: ['10_a'], keys: true }),
    watching({ state: 'changed', layers: ['10_a'] }),
  ],
  finished: [
    {
      type: 'finished',
      ok: false,
      counts: { fresh: 0, restored: 0, built: 0, failed: 1, skipped: 0 },
      seconds: 1,
      image: 'build/image.qcow2',
      bytes: 1,
      exports: [{ machine: 'web', format: 'qcow2', directory: 'build/export/web/qcow2', bytes: 1 }],
      published: { machine: 'web', to: '/srv/templates', revision: 1, digest: 'sha256:ab' },
      images: [{ file: 'build/web.qcow2', bytes: 1 }],
      shared: {
        fetched: { count: 1, bytes: 1, seconds: 1 },
        pushed: { count: 1, bytes: 1, seconds: 1 },
        savedSeconds: 1,
      },
      failure: FAILURE,
      failures: [{ layer: '10_a', failure: FAILURE, skipped: ['20_b'] }],
      superseded: ['30_c'],
    },
  ],
};

type WatchingState = Watching extends infer One
  ? One extends Watching
    ? Omit<One, 'type' | 'at'>
    : never
  : never;

function watching(state: WatchingState): Required<Watching> {
  return { type: 'watching', at: '2026-01-01T00:00:00.000Z', ...state };
}

/** The fields of version 1. Add to this list; never take anything away without a new version. */
const VERSION_1 = `
plan: type version steps steps.layer steps.action steps.reason
layer-started: type version layer node
layer-stage: type version layer stage
layer-step: type version layer index count title
output: type version layer line
layer-size: type version layer bytes
progress: type version layer bytes total
transfer: type version direction layer state bytes total
layer-finished: type version layer outcome seconds bytes digest failure failure.kind failure.message failure.where
  failure.where.file failure.where.line failure.where.column failure.hint failure.detail failure.log failure.look failure.exitStatus
export-started: type version machine format
export-progress: type version machine format bytes total
publish-started: type version machine to
publish-finished: type version machine to outcome seconds revision digest failure failure.kind failure.message failure.where
  failure.where.file failure.where.line failure.where.column failure.hint failure.detail failure.log failure.look failure.exitStatus
export-finished: type version machine format outcome seconds failure failure.kind failure.message failure.where
  failure.where.file failure.where.line failure.where.column failure.hint failure.detail failure.log failure.look failure.exitStatus
check-started: type version image check
check-output: type version image line
check-finished: type version image check outcome seconds failure failure.kind failure.message failure.where
  failure.where.file failure.where.line failure.where.column failure.hint failure.detail failure.log failure.look failure.exitStatus
deploy-started: type version machine target
deploy-stage: type version machine target stage
deploy-progress: type version machine target bytes total
deploy-finished: type version machine target outcome seconds failure failure.kind failure.message failure.where
  failure.where.file failure.where.line failure.where.column failure.hint failure.detail failure.log failure.look failure.exitStatus
note: type version message
watching: type version at state places failed keys layers
finished: type version ok counts counts.fresh counts.restored counts.built counts.failed counts.skipped seconds image
  bytes images images.file images.bytes exports exports.machine exports.format exports.directory exports.bytes published published.machine published.to published.revision published.digest shared shared.fetched shared.fetched.count shared.fetched.bytes
  shared.fetched.seconds shared.pushed shared.pushed.count shared.pushed.bytes shared.pushed.seconds
  shared.savedSeconds failure failure.kind failure.message failure.where failure.where.file failure.where.line failure.where.column
  failure.hint failure.detail failure.log failure.look failure.exitStatus failures failures.layer failures.failure
  failures.failure.kind failures.failure.message failures.failure.where failures.failure.where.file
  failures.failure.where.line failures.failure.where.column failures.failure.hint failures.failure.detail failures.failure.log failures.failure.look
  failures.failure.exitStatus failures.skipped superseded`;

function pinned(): ReadonlyMap<string, readonly string[]> {
  return new Map(
    VERSION_1.trim()
      .replaceAll(/\n {2}/g, ' ')
      .split('\n')
      .map((line) => {
        const [type = '', fields = ''] = line.split(': ');
        return [type, fields.split(' ')];
      }),
  );
}

function printed(event: BuildEvent): unknown {
  let text = '';
  jsonReporter((line) => {
    text += line;
  }).report(event);
  return JSON.parse(text);
}

/** `failure.where.file`; members of arrays are those of their first element. */
function fieldsOf(value: unknown, prefix = ''): string[] {
  const inner = Array.isArray(value) ? value[0] : value;
  if (typeof inner !== 'object' || inner === null) return [];
  return Object.entries(inner).flatMap(([name, member]) => [
    `${prefix}${name}`,
    ...fieldsOf(member, `${prefix}${name}.`),
  ]);
}

for (const [type, events] of Object.entries(FULL)) {
  test(`${type}: as the schema says, with all fields of version 1`, () => {
    for (const event of events) assert.deepEqual(violations(printed(event), SCHEMA), []);
    const fields = new Set(events.flatMap((event) => fieldsOf(printed(event))));
    assert.deepEqual(
      pinned()
        .get(type)
        ?.filter((field) => !fields.has(field)),
      [],
      'a field was removed: that takes a new version',
    );
    assert.deepEqual(
      [...fields].filter((field) => !pinned().get(type)?.includes(field)),
      [],
      'a field was added: add it to the list above',
    );
  });
}

test('the schema and the page on events have the types that exist, and no others', () => {
  const types = Object.keys(FULL).sort();
  const inSchema = (SCHEMA.oneOf ?? []).map(({ $ref = '' }) => $ref.replace('#/$defs/', ''));
  assert.deepEqual(inSchema.sort(), types);
  const page = readFileSync(path.join(REPOSITORY, 'docs/events.md'), 'utf8');
  const onPage = [...page.matchAll(/^\| `([\w-]+)`/gm)].map(([, type]) => type);
  assert.deepEqual(onPage.sort(), types);
});

test('what is not in the schema is noticed', () => {
  assert.deepEqual(violations({ type: 'note', version: 1, message: 'm', more: 1 }, SCHEMA), [
    '$.more: not in the schema',
  ]);
  assert.notDeepEqual(violations({ type: 'note', version: 2, message: 'm' }, SCHEMA), []);
  assert.notDeepEqual(violations({ type: 'nothing', version: 1 }, SCHEMA), []);
});
