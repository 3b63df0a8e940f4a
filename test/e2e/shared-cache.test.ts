// One cache for several machines: each is a project directory with a store of its own, and between them is a real S3 server.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { checkFileSystem, leftovers, readFromImage } from '../rig/host-state.ts';
import type { TestProject } from '../rig/project.ts';
import { FaultProxy } from '../rig/s3/fault-proxy.ts';
import { Gateway } from '../rig/s3/gateway.ts';
import { notesOf, Team } from '../rig/s3/team.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

// Never the same bytes twice.
const RANDOM = 'dd if=/dev/urandom of=/random bs=1k count=512 2>/dev/null';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_random/build-layer': buildLayer(RANDOM),
  'layers/30_child/build-layer': buildLayer('cp /random /child'),
};
const LAYERS = ['10_base', '20_random', '30_child'];

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start();
});
after(async () => gateway?.[Symbol.asyncDispose]());

/** The digests of what is in place. */
function chainOf(machine: TestProject, layers: readonly string[] = LAYERS): string[] {
  return layers.map((layer) => path.basename(readlinkSync(machine.path('build', `${layer}.qcow2`))));
}

/** The image is whole, its layers belong together, and nothing is left of its making. */
function assertSound(machine: TestProject): void {
  const scratch = path.dirname(machine.directory);
  const image = machine.path('build/image.qcow2');
  assert.equal(checkFileSystem(image, scratch), '');
  const random = readFromImage(image, scratch, '/random');
  assert.ok(random);
  assert.equal(readFromImage(image, scratch, '/child'), random);
  assert.deepEqual(leftovers(machine), []);
}

describe('two machines', () => {
  test('what the one built, the other fetches: it builds nothing, and has the same image', async () => {
    await using team = await Team.create(gateway);
    const [one, two] = [team.machine(FILES), team.machine(FILES)];
    const built = await team.build(one);
    assert.equal(built.outcomes, '10_base built, 20_random built, 30_child built', built.told);
    assert.deepEqual(notesOf(built), []);
    assert.equal(built.finished?.shared?.pushed.count, 3);
    assert.equal(built.finished?.shared?.fetched.count, 0);

    const planned = await two.vlb(['plan'], { env: team.bucket.env() });
    assert.equal(planned.stdout, 'restore 10_base\nrestore 20_random\nrestore 30_child\n', planned.stderr);
    const fetched = await team.build(two);
    assert.match(fetched.outcomes, /^(\d+_\w+ restored(, )?){3}$/, fetched.told);
    const { shared } = fetched.finished ?? assert.fail(fetched.told);
    assert.deepEqual([shared?.fetched.count, shared?.pushed.count], [3, 0]);
    assert.ok(shared && shared.savedSeconds > 0 && shared.fetched.bytes > 0, fetched.told);
    assert.deepEqual(chainOf(two), chainOf(one));
    assertSound(two);
    execFileSync('qemu-img', ['compare', one.path('build/image.qcow2'), two.path('build/image.qcow2')]);

    // What was fetched is the machine's own from now on.
    const again = await team.build(two, [], { env: { AWS_SECRET_ACCESS_KEY: 'wrong' } });
    assert.match(again.outcomes, /^(\d+_\w+ fresh(, )?){3}$/, again.told);
    assert.deepEqual(notesOf(again), []);
    two.write({ 'layers/30_child/build-layer': buildLayer('cp /random /child; echo more > /more') });
    const more = await team.build(two);
    assert.equal(more.outcomes, '10_base fresh, 20_random fresh, 30_child built', more.told);
    assert.equal(more.finished?.shared?.pushed.count, 1, 'what is there is not sent again');
    assertSound(two);
  });

  test('both build the same at once: one wins, both end with its chain, and go on from there', async () => {
    await using team = await Team.create(gateway);
    // Without claims, as older versions build.
    const user = { accessKey: 'racerkey', secretKey: 'racersecret' };
    gateway.addUser('racer', user);
    const Principal = { AWS: ['arn:aws:iam:::user/racer'] };
    const bucket = `arn:aws:s3:::${team.bucket.name}`;
    const objects = ['records/*', 'artifacts/*', 'probe'].map((name) => `${bucket}/team/trusted/${name}`);
    const Action = ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload'];
    await team.bucket.setPolicy({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal, Action: 's3:ListBucket', Resource: bucket },
        { Effect: 'Allow', Principal, Action, Resource: objects },
      ],
    });
    const env = team.bucket.env(user);
    const files = { ...FILES, 'layers/20_random/build-layer': buildLayer(`${RANDOM}; sleep 3`) };
    const [one, two] = [team.machine(files), team.machine(files)];
    assert.equal((await team.build(one, ['base'], { env })).status, 0);
    assert.equal((await team.build(two, ['base'], { env })).status, 0);
    const both = await Promise.all([team.build(one, [], { env }), team.build(two, [], { env })]);
    for (const built of both) {
      assert.equal(built.status, 0, built.told);
      assert.match(built.outcomes, /20_random built/, built.told);
    }
    assert.deepEqual(chainOf(one), chainOf(two));
    const lost = both.flatMap(notesOf);
    assert.ok(
      lost.some((note) => /^another machine published 20_random first: using its build$/.test(note)),
      lost.join('\n'),
    );
    for (const machine of [one, two]) assertSound(machine);
    assert.equal((await team.bucket.namesLike(/records/)).length, 3);

    // What the one builds on top, the other can use; and the other way round.
    const top = { 'layers/40_top/build-layer': buildLayer('cp /child /top') };
    one.write(top);
    two.write(top);
    assert.match((await team.build(one, [], { env })).outcomes, /40_top built$/);
    const restored = await team.build(two, [], { env });
    assert.match(restored.outcomes, /40_top restored$/, restored.told);
    const next = { 'layers/50_next/build-layer': buildLayer('cp /top /next') };
    one.write(next);
    two.write(next);
    assert.match((await team.build(two, [], { env })).outcomes, /50_next built$/);
    assert.match((await team.build(one, [], { env })).outcomes, /50_next restored$/);
    const all = [...LAYERS, '40_top', '50_next'];
    assert.deepEqual(chainOf(one, all), chainOf(two, all));
    for (const machine of [one, two]) assertSound(machine);
  });
});

test('noshare and nocache never leave the machine, nor does what stands on them', async () => {
  await using team = await Team.create(gateway);
  const machine = team.machine({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_own/build-layer': buildLayer('echo own > /own', '# noshare'),
    'layers/30_child/build-layer': buildLayer('echo child > /child'),
    'layers/40_now/build-layer': buildLayer('date > /now', '# vlb: from base\n# nocache'),
    'layers/50_later/build-layer': buildLayer('echo later > /later'),
    'layers/60_looks/build-layer': buildLayer('cat /m/own > /seen', '# vlb: from base\n# vlb: mount own /m'),
  });
  const built = await team.build(machine);
  assert.match(built.outcomes, /^(\d+_\w+ built(, )?){6}$/, built.told);
  const names = await team.bucket.namesLike(/records|artifacts/);
  assert.equal(names.length, 2, names.join('\n'));
  const [base] = chainOf(machine, ['10_base']);
  assert.ok(names.includes(`team/trusted/artifacts/${base}.zst`), names.join('\n'));
});

test('only what the image needs is fetched: not a layer that others merely looked into', async () => {
  await using team = await Team.create(gateway);
  const files = {
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_tool/build-layer': buildLayer('echo tool > /tool'),
    'layers/30_app/build-layer': buildLayer('cat /t/tool > /app', '# vlb: from base\n# vlb: mount tool /t'),
  };
  const [one, two] = [team.machine(files), team.machine(files)];
  assert.equal((await team.build(one)).status, 0);
  const fetched = await team.build(two);
  assert.equal(fetched.finished?.shared?.fetched.count, 2, fetched.told);
  assert.deepEqual(
    readdirSync(two.path('.vlb/store/sha256')).sort(),
    chainOf(two, ['10_base', '30_app']).sort(),
  );
  assert.equal(readdirSync(two.path('build')).includes('20_tool.qcow2'), false);
  // As soon as a layer runs that looks into it, it is.
  two.write({
    'layers/30_app/build-layer': buildLayer(
      'cp /t/tool /app; cp /t/tool /b',
      '# vlb: from base\n# vlb: mount tool /t',
    ),
  });
  const built = await team.build(two);
  assert.equal(built.status, 0, built.told);
  assert.match(built.outcomes, /20_tool restored.*30_app built/, built.told);
  const scratch = path.dirname(two.directory);
  assert.equal(readFromImage(two.path('build/image.qcow2'), scratch, '/b'), 'tool\n');
});

test('a damaged or lost artifact is told, built anew, and put right for the others', async () => {
  await using team = await Team.create(gateway);
  const [one, two, three] = [team.machine(FILES), team.machine(FILES), team.machine(FILES)];
  assert.equal((await team.build(one)).status, 0);
  const [base = '', random = ''] = chainOf(one);
  const damaged = await team.bucket.read(`team/trusted/artifacts/${random}.zst`);
  damaged.writeUInt8(damaged.readUInt8(damaged.length >> 1) ^ 1, damaged.length >> 1);
  await team.bucket.write(`team/trusted/artifacts/${random}.zst`, damaged);
  const built = await team.build(two);
  assert.equal(built.status, 0, built.told);
  assert.match(built.outcomes, /10_base restored/, built.told);
  assert.match(built.outcomes, /20_random built/, built.told);
  assert.match(built.outcomes, /30_child built/, built.told);
  assert.ok(
    notesOf(built).some((note) => /^cannot fetch 20_random from .*: its artifact is damaged$/.test(note)),
    built.told,
  );
  assertSound(two);
  const fetched = await team.build(three);
  assert.match(fetched.outcomes, /^(\d+_\w+ restored(, )?){3}$/, fetched.told);
  assert.deepEqual(chainOf(three), chainOf(two));
  assertSound(three);

  await team.bucket.remove(`team/trusted/artifacts/${base}.zst`);
  rmSync(three.path('.vlb'), { recursive: true });
  rmSync(three.path('build'), { recursive: true });
  const anew = await team.build(three);
  assert.equal(anew.status, 0, anew.told);
  assertSound(three);
  rmSync(two.path('.vlb'), { recursive: true });
  rmSync(two.path('build'), { recursive: true });
  const again = await team.build(two);
  assert.match(again.outcomes, /^(\d+_\w+ restored(, )?){3}$/, again.told);
  assert.deepEqual(chainOf(two), chainOf(three));
});

test('the bucket is asked through the proxy that the environment names', async () => {
  await using team = await Team.create(gateway);
  const [one, two] = [team.machine(FILES), team.machine(FILES)];
  assert.equal((await team.build(one)).status, 0);
  await using proxy = await FaultProxy.start(gateway.endpoint, () => undefined);
  const env = { http_proxy: proxy.endpoint, HTTP_PROXY: '', no_proxy: '', NO_PROXY: '' };
  const fetched = await team.build(two, [], { env });
  assert.match(fetched.outcomes, /^(\d+_\w+ restored(, )?){3}$/, fetched.told);
  assert.ok(proxy.requests.filter((name) => name.startsWith(`GET ${gateway.endpoint}/`)).length >= 6);
});
