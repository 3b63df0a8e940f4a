// vlb serve: the API against real builds, as programs use it.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { DiskDiff } from '../../src/model/disk-diff.ts';
import type { BuildEvent } from '../../src/model/event.ts';
import type { Job } from '../../src/serve/jobs/job.ts';
import type { ExportAnswer } from '../../src/serve/routes/exports.ts';
import type { LayerDetail } from '../../src/serve/routes/layers.ts';
import type { Overview } from '../../src/serve/routes/project.ts';
import type { CollectedAnswer, StoreAnswer } from '../../src/serve/routes/store.ts';
import { leftovers } from '../rig/host-state.ts';
import { type Schema, violations } from '../rig/json-schema.ts';
import { TestProject } from '../rig/project.ts';
import { type SentEvent, Serving } from '../rig/serving.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const BASE = { 'layers/10_base/modify-disk': tinyDisk() };
const EVENT_SCHEMA: Schema = JSON.parse(
  readFileSync(new URL('../../docs/events.schema.json', import.meta.url), 'utf8'),
);

interface OpenApi {
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>;
}

interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { schema: object }>> }>
  >;
}

const linesOf = (events: readonly SentEvent[]) =>
  events.flatMap(({ event }) => (event.type === 'output' ? [event.line] : []));
const typeOf = ({ event }: SentEvent): BuildEvent['type'] => event.type;

test('a project is shown, built, shown again, and each answer is what the OpenAPI document says', async () => {
  await using project = new TestProject({
    ...BASE,
    'vlb.yaml':
      'images: { web: 20_app }\nmachines:\n  box: { disks: [{ image: web }, { name: data, size: 1G }], exports: [qcow2] }\n',
    'layers/20_app/build-layer': buildLayer('cat word; echo app > /app'),
    'layers/20_app/word': 'hello\n',
  });
  await using server = await Serving.start(project);
  const document = (await server.ask('/api/openapi.json')).json<OpenApi>();
  const ajv = new Ajv2020({ strict: false });
  const get = async <T>(path: string, template = path): Promise<T> => {
    const reply = await server.ask(path);
    assert.equal(reply.status, 200, reply.text);
    const schema = document.paths[template]?.get.responses['200']?.content['application/json']?.schema;
    assert.ok(schema && ajv.validate(schema, reply.json<object>()), ajv.errorsText());
    return reply.json<T>();
  };
  const before = await get<Overview>('/api/overview');
  assert.deepEqual(
    before.layers.map(({ name, state, parent }) => `${name} ${state} ${parent}`),
    ['10_base run null', '20_app run 10_base'],
  );
  assert.match(before.layers[0]?.why ?? '', /10_base has to run: it was never built here/);
  assert.deepEqual(before.images, [{ name: 'web', layer: '20_app' }]);
  assert.deepEqual(before.exports, [{ machine: 'box', format: 'qcow2', reason: 'a layer has to be built' }]);

  const job = await server.build();
  assert.equal(job.state, 'done');
  const { events, job: ended } = await server.events(job.id);
  assert.deepEqual(ended, job);
  assert.deepEqual(
    events.flatMap(({ event }) => violations(event, EVENT_SCHEMA)),
    [],
  );
  assert.deepEqual(
    [events[0], events.at(-1)].map((one) => one && typeOf(one)),
    ['plan', 'finished'],
  );
  assert.deepEqual(linesOf(events), ['hello']);
  assert.deepEqual(await get<readonly Job[]>('/api/jobs'), [job]);
  assert.deepEqual(await get<Job>(`/api/jobs/${job.id}`, '/api/jobs/{job}'), job);

  const after = await get<Overview>('/api/overview');
  assert.deepEqual(
    after.layers.map(({ state }) => state),
    ['fresh', 'fresh'],
  );
  const { seconds = 0, bytes = 0, created = '' } = after.layers[1] ?? {};
  assert.ok(seconds > 0 && bytes > 0 && created > '2020');
  const layer = await get<LayerDetail>('/api/layers/20_app', '/api/layers/{layer}');
  assert.match(layer.script?.text ?? '', /^#!\/bin\/sh\nset -eu\ncat word/);
  assert.deepEqual(
    layer.inputs.map(({ path, executable }) => [path, executable]),
    [
      ['./build-layer', true],
      ['./word', false],
    ],
  );
  assert.equal((await server.ask('/api/layers/20_app/log')).text, 'hello\n');
  const diff = await get<DiskDiff>('/api/layers/20_app/diff', '/api/layers/{layer}/diff');
  assert.deepEqual(
    diff.files.flatMap(({ path, change }) => (path === '/app' ? [change] : [])),
    ['added'],
  );
  const store = await get<StoreAnswer>('/api/store');
  assert.deepEqual(store.entries.map(({ layer }) => layer).sort(), ['10_base', '20_app']);
  assert.deepEqual((await get<CollectedAnswer>('/api/store/gc')).removed, []);
  assert.match((await server.ask('/api/graph?format=text')).text, /^10_base {2}fresh\n└─ 20_app {2}fresh\n$/);
  assert.equal((await server.ask('/api/graph?format=png')).status, 400);
  for (const missing of [
    '/api/layers/30_no',
    '/api/layers/30_no/log',
    '/api/layers/30_no/diff',
    '/api/jobs/x',
  ]) {
    assert.equal((await server.ask(missing)).status, 404, missing);
  }
  const verified = await server.post('/api/store/verify');
  assert.equal((await server.until(verified.id, 'done', 'failed')).state, 'done');
  assert.equal(await server.end(), 143);
  assert.deepEqual(leftovers(project), []);
});

test('several watch one build, and one whose connection is lost misses nothing', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('for n in $(seq 1 400); do echo "line $n"; sleep 0.005; done'),
  });
  await using server = await Serving.start(project);
  const { id } = await server.post('/api/builds');
  const whole = Promise.all([server.events(id), server.events(id)]);
  const seen: SentEvent[] = [];
  for (let job: unknown; job === undefined; ) {
    // Connected again and again, as by a browser whose connection breaks after some lines.
    const some = await server.events(id, seen.at(-1)?.id, (events) => events.length > 40);
    seen.push(...some.events);
    job = some.job;
  }
  const [one, other] = await whole;
  assert.equal(linesOf(one.events).length, 400);
  assert.deepEqual(one, other);
  assert.deepEqual(seen, one.events);
  // Afterwards too, from any of them, by header or by query.
  const tenth = one.events[10]?.id;
  assert.deepEqual((await server.events(id, tenth)).events, one.events.slice(11));
  assert.match((await server.ask(`/api/jobs/${id}/events?after=${tenth}`)).text, /event: end\n/);
  for (const wrong of ['7', '-1', 'x', '99999999999']) {
    assert.equal((await server.ask(`/api/jobs/${id}/events?after=${wrong}`)).status, 404, wrong);
  }
});

test('one job runs, others wait; each can be cancelled, and what was cancelled be built', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('echo begun; sleep 600'),
  });
  await using server = await Serving.start(project);
  const first = await server.post('/api/builds');
  const second = await server.post('/api/builds', { targets: ['10_base'] });
  const third = await server.post('/api/builds', { targets: ['10_base'] });
  assert.deepEqual(
    [first, second, third].map(({ state }) => state),
    ['running', 'waiting', 'waiting'],
  );
  await server.events(first.id, undefined, (events) => linesOf(events).includes('begun'));
  const building = (await server.ask('/api/overview')).json<Overview>();
  assert.equal(building.layers[1]?.state, 'building');
  const cancel = (id: string) => server.ask(`/api/jobs/${id}/cancel`, { method: 'POST' });
  assert.equal((await cancel(second.id)).json<Job>().state, 'cancelled');
  assert.equal((await cancel(first.id)).status, 200);
  assert.equal((await server.until(first.id, 'cancelled', 'failed')).state, 'cancelled');
  assert.equal((await server.until(third.id, 'done')).state, 'done');
  assert.equal((await cancel(third.id)).json<Job>().state, 'done');
  project.write({ 'layers/20_app/build-layer': buildLayer('echo again') });
  assert.equal((await server.build()).state, 'done');
  assert.equal((await server.ask('/api/jobs')).json<readonly Job[]>().length, 4);
  assert.deepEqual(leftovers(project), []);
});

test('the packages of a layer are there as a bill of materials, and a hint that it inherits', async () => {
  const status = 'Package: curl\\nStatus: install ok installed\\nArchitecture: amd64\\nVersion: 1.0-1\\n\\n';
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer(
      `mkdir -p /var/lib/dpkg; printf '${status}' > /var/lib/dpkg/status`,
      '# vlb: nocache',
    ),
    'layers/30_more/build-layer': buildLayer('true'),
  });
  await using server = await Serving.start(project);
  assert.equal((await server.build()).state, 'done');
  const bill = await server.ask('/api/sbom/30_more?format=spdx');
  assert.equal(bill.status, 200, bill.text);
  assert.match(bill.headers['content-disposition'] ?? '', /filename="30_more\.spdx\.json"/);
  const { packages } = bill.json<{ readonly packages: readonly { readonly name: string }[] }>();
  assert.ok(packages.some(({ name }) => name === 'curl'));
  const none = await server.ask('/api/sbom/10_base');
  assert.deepEqual([none.status, /has no database of packages/.test(none.text)], [400, true]);
  const elsewhere = encodeURIComponent(project.path('build/image.qcow2'));
  assert.equal((await server.ask(`/api/sbom/${elsewhere}`)).status, 404);
  assert.equal((await server.ask('/api/layers/30_more')).json<LayerDetail>().nocache, '20_app');
  assert.equal((await server.ask('/api/layers/20_app')).json<LayerDetail>().nocache, undefined);
});

test('a build that fails says why, in the job, in its events and in the overview', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('echo "something is <b>wrong</b>"; exit 3'),
  });
  await using server = await Serving.start(project);
  const job = await server.build();
  assert.equal(job.state, 'failed');
  assert.equal(job.failure?.kind, 'work');
  const { events } = await server.events(job.id);
  const finished = events.find(({ event }) => event.type === 'finished')?.event;
  assert.ok(finished?.type === 'finished' && finished.failures[0]?.failure.exitStatus === 3);
  assert.equal((await server.ask('/api/overview')).json<Overview>().layers[1]?.state, 'failed');
  const log = await server.ask('/api/layers/20_app/log');
  assert.equal(log.text, 'something is <b>wrong</b>\n');
  assert.match(log.headers['content-type'] ?? '', /^text\/plain/);
  const wrong = await server.build({ targets: ['$(touch /tmp/x)'] });
  assert.match(wrong.failure?.message ?? '', /no layer named "\$\(touch \/tmp\/x\)"/);
});

test('an export is written, downloaded in pieces, compared, and removed', async () => {
  await using project = new TestProject(BASE);
  await using server = await Serving.start(project);
  const { id } = await server.post('/api/exports', { names: ['10_base'], formats: ['raw.gz'] });
  assert.equal((await server.until(id, 'done', 'failed')).state, 'done');
  const { events } = await server.events(id);
  assert.ok(events.map(typeOf).includes('export-finished'));
  const [found] = (await server.ask('/api/exports')).json<readonly ExportAnswer[]>();
  const { machine, format, files } = found ?? assert.fail('there is no export');
  assert.deepEqual([machine, format], ['10_base', 'raw.gz']);
  const { name, size, sha256 } = files[0] ?? assert.fail('it has no files');
  const path = `/api/exports/${machine}/${format}/${name}`;
  const whole = await server.ask(path);
  assert.deepEqual([whole.status, whole.body.length], [200, size]);
  assert.equal(createHash('sha256').update(whole.body).digest('hex'), sha256);
  assert.deepEqual(whole.body, readFileSync(project.path('build/export/10_base/raw.gz', name)));
  assert.match(whole.headers['content-disposition'] ?? '', /^attachment/);

  const piece = async (range: string, more: Record<string, string> = {}) => {
    const { status, body, headers } = await server.ask(path, { headers: { range, ...more } });
    return [status, headers['content-range'], body] as const;
  };
  const half = Math.floor(size / 2);
  const etag = whole.headers.etag ?? '';
  assert.deepEqual(await piece(`bytes=0-${half - 1}`), [
    206,
    `bytes 0-${half - 1}/${size}`,
    whole.body.subarray(0, half),
  ]);
  assert.deepEqual(await piece(`bytes=${half}-`, { 'if-range': etag }), [
    206,
    `bytes ${half}-${size - 1}/${size}`,
    whole.body.subarray(half),
  ]);
  assert.deepEqual((await piece('bytes=-5'))[2], whole.body.subarray(-5));
  assert.equal((await piece('bytes=0-4', { 'if-range': '"another"' }))[0], 200);
  assert.equal((await piece(`bytes=${size}-`))[0], 416);

  const removed = await server.ask(`/api/exports/${machine}/${format}`, { method: 'DELETE' });
  assert.equal(removed.status, 200);
  assert.deepEqual((await server.ask('/api/exports')).json<unknown>(), []);
  assert.equal((await server.ask(path)).status, 404);
  assert.deepEqual(leftovers(project), []);
});

test('the server and the command line work on one project, and wait for each other', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('echo begun; sleep 2'),
  });
  await using server = await Serving.start(project);
  let job = '';
  const built = await project.build([], {
    onStdout: (text) => {
      if (job !== '' || !text.includes('begun')) return;
      job = 'asked for';
      void server.post('/api/builds').then(({ id }) => {
        job = id;
      });
    },
  });
  assert.equal(built.outcomes, '10_base built, 20_app built');
  while (!/^\d/.test(job)) await sleep(20);
  const { events } = await server.events(job);
  const notes = events.flatMap(({ event }) => (event.type === 'note' ? [event.message] : []));
  assert.match(notes.join('\n'), /waiting for process \d+, which is building this project/);
  assert.equal((await server.until(job, 'done')).state, 'done');
});

test('fault: the server is killed in a build; another one shows that, and builds', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('echo begun; sleep 600'),
  });
  const first = await Serving.start(project);
  const { id } = await first.post('/api/builds');
  const before = await first.events(id, undefined, (events) => linesOf(events).includes('begun'));
  await first.end('SIGKILL');
  await using second = await Serving.start(project);
  assert.equal(second.token, first.token, 'a page that is open continues');
  const { events, job } = await second.events(id);
  assert.equal(job?.state, 'lost');
  assert.deepEqual(events.slice(0, before.events.length), before.events);
  project.write({ 'layers/20_app/build-layer': buildLayer('echo again') });
  assert.equal((await second.build()).state, 'done');
  assert.deepEqual(leftovers(project), []);
});

test('a machine is made from a profile by the command line, and by a program', async () => {
  await using project = new TestProject(BASE);
  const shown = await project.vlb([
    'new-machine',
    'web',
    '--profile',
    'web-server',
    '--set',
    'page=Hello',
    '-n',
  ]);
  assert.match(
    shown.stdout,
    /^--- layers\/20_web\/layer\.yaml\n[\s\S]*content: Hello\n[\s\S]*^--- vlb\.yaml\n/m,
  );
  assert.equal((await project.vlb(['ls'])).stdout.trim().split('\n').length, 1);
  const wrong = await project.vlb(['new-machine', 'web', '--set', 'packages=-o']);
  assert.equal(wrong.status, 2);
  const made = await project.vlb(['new-machine', 'web', '--profile', 'web-server', '--set', 'page=Hello']);
  assert.equal(made.stdout, 'layers/20_web/layer.yaml\nlayers/21_web-users/layer.yaml\nvlb.yaml\n');
  await using server = await Serving.start(project);
  const body = { profile: 'server', machine: 'db', values: { packages: ['postgresql'] } };
  const preview = await server.ask('/api/machines/preview', { method: 'POST', body });
  const files = preview.json<readonly { readonly path: string }[]>();
  assert.deepEqual(
    files.map(({ path }) => path),
    ['layers/30_db/layer.yaml', 'vlb.yaml'],
  );
  assert.equal((await server.ask('/api/machines', { method: 'POST', body })).status, 200);
  const overview = (await server.ask('/api/overview')).json<Overview>();
  assert.deepEqual(
    overview.machines.map(({ name }) => name),
    ['web', 'db'],
  );
  assert.equal((await server.ask('/api/machines', { method: 'POST', body })).status, 400);
});

test('a secret is given with a build: it is used for that, and found nowhere', async () => {
  const secret = 'pa55-w0rd-of-the-page';
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('cat "$VLB_SECRETS/token" | wc -c', '# vlb: secret token'),
  });
  await using server = await Serving.start(project);
  const detail = (await server.ask('/api/layers/20_app')).json<LayerDetail>();
  assert.deepEqual([detail.secrets, detail.neededSecrets], [['token'], ['token']]);
  const without = await server.build();
  assert.match(without.failure?.message ?? '', /20_app requires the secret token/);
  const body = { secrets: { token: secret } };
  const { id } = (await server.ask('/api/builds', { method: 'POST', body })).json<Job>();
  const { events, job } = await server.events(id);
  assert.equal(job?.state, 'done', JSON.stringify(job?.failure));
  assert.deepEqual(linesOf(events), [String(secret.length)]);
  for (const name of readdirSync(project.directory, { recursive: true, encoding: 'utf8' })) {
    if (statSync(project.path(name)).isFile())
      assert.ok(!readFileSync(project.path(name)).includes(secret), name);
  }
  const unknown = await server.ask('/api/builds', { method: 'POST', body: { secrets: { tocken: secret } } });
  assert.match((await server.events(unknown.json<Job>().id)).job?.failure?.hint ?? '', /token/);
});
