// A shared cache that lies, or that hangs: nothing of it reaches past the store, and no build waits for what it has no use for.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { Built, TestProject } from '../rig/project.ts';
import { FaultProxy } from '../rig/s3/fault-proxy.ts';
import { Gateway } from '../rig/s3/gateway.ts';
import { notesOf, Team } from '../rig/s3/team.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_app/build-layer': buildLayer('dd if=/dev/urandom of=/app bs=1k count=64 2>/dev/null'),
  'layers/30_more/build-layer': buildLayer('dd if=/dev/urandom of=/more bs=1k count=64 2>/dev/null'),
};

/** As long as one request is waited for: what ends sooner did not wait. */
const REQUEST_WITHIN = 30_000;

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start();
});
after(async () => gateway?.[Symbol.asyncDispose]());

/** Builds, and tells how long vlb went on after it had told the end. */
async function buildTimed(team: Team, machine: TestProject): Promise<{ built: Built; after: number }> {
  let toldAt = 0;
  const onStdout = (text: string) => {
    if (toldAt === 0 && text.includes('"finished"')) toldAt = performance.now();
  };
  const built = await team.build(machine, [], { onStdout });
  return { built, after: performance.now() - toldAt };
}

test('a record whose layer has another name leads to no other file', async () => {
  await using team = await Team.create(gateway);
  const [one, two, three] = [team.machine(FILES), team.machine(FILES), team.machine(FILES)];
  assert.equal((await team.build(one)).status, 0);
  const rename = async (layer: string) => {
    for (const name of await team.bucket.namesLike(/records/)) {
      const envelope = JSON.parse(String(await team.bucket.read(name)));
      const record = JSON.stringify({ ...JSON.parse(envelope.record), layer });
      await team.bucket.write(name, Buffer.from(JSON.stringify({ ...envelope, record })));
    }
  };
  await rename('99_elsewhere');
  const named = await team.build(two);
  assert.match(named.outcomes, /^(\d+_\w+ restored(, )?){3}$/, named.told);
  const inPlace = ['10_base.json', '20_app.json', '30_more.json'];
  assert.deepEqual(readdirSync(two.path('.vlb/in-place')).sort(), inPlace);

  await rename('../../../elsewhere\x1b[2J');
  const hostile = await three.vlb(['build', '--progress', 'plain'], { env: team.bucket.env() });
  assert.equal(hostile.status, 0, hostile.stderr);
  assert.deepEqual(readdirSync(path.dirname(three.directory)), ['project']);
  assert.match(hostile.stderr, /records\/[0-9a-f]{64}\.json: it is damaged/);
  assert.ok(!hostile.stderr.includes('elsewhere') && !hostile.stderr.includes('\x1b'), hostile.stderr);
});

test('a build does not wait at its end for what it only tried in advance, and tells nothing after the end', async () => {
  await using team = await Team.create(gateway);
  const [one, two] = [team.machine(FILES), team.machine(FILES)];
  assert.equal((await team.build(one)).status, 0);
  await using proxy = await FaultProxy.start(gateway.endpoint, (_, name) =>
    name.includes('/probe') ? 'no answer' : undefined,
  );
  two.write({ 'vlb.yaml': team.bucket.config({ endpoint: proxy.endpoint }) });
  const { built, after } = await buildTimed(team, two);
  assert.match(built.outcomes, /^(\d+_\w+ restored(, )?){3}$/, built.told);
  assert.equal(built.events.at(-1)?.type, 'finished', built.told);
  assert.ok(after < REQUEST_WITHIN / 2, `${after} ms\n${built.told}`);
});

test('what stands on a layer that did not come is not waited for, and not told of after the end', async () => {
  await using team = await Team.create(gateway);
  const [one, two] = [team.machine(FILES), team.machine(FILES)];
  const first = await team.build(one);
  const digestOf = (layer: string) =>
    first.events.find((event) => event.type === 'layer-finished' && event.layer === layer);
  const [app, more] = [digestOf('20_app'), digestOf('30_more')].map((event) =>
    event?.type === 'layer-finished' ? event.digest : assert.fail(first.told),
  );
  await team.bucket.remove(`team/trusted/artifacts/${app}.qcow2.zst`);
  await using proxy = await FaultProxy.start(gateway.endpoint, (_, name) =>
    name.includes(`${more}`) ? 'no answer' : undefined,
  );
  two.write({ 'vlb.yaml': team.bucket.config({ endpoint: proxy.endpoint }) });
  const { built, after } = await buildTimed(team, two);
  assert.equal(built.outcomes, '10_base restored, 20_app built, 30_more built', built.told);
  assert.equal(built.events.at(-1)?.type, 'finished', built.told);
  assert.ok(after < REQUEST_WITHIN / 2, `${after} ms\n${built.told}`);
  assert.equal(notesOf(built).length, 1, built.told);
});
