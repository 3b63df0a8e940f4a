// vlb cache push, pull and prefetch: what is built goes to the shared cache, what others have built comes, without a build.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { PulledLayer, PushedLayer, Transferred } from '../../src/model/shared-transfer.ts';
import { checkFileSystem, leftovers } from '../rig/host-state.ts';
import type { Ended, TestProject } from '../rig/project.ts';
import { Gateway } from '../rig/s3/gateway.ts';
import { notesOf, Team } from '../rig/s3/team.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

// Never the same bytes twice.
const RANDOM = 'dd if=/dev/urandom of=/random bs=1k count=256 2>/dev/null';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_random/build-layer': buildLayer(RANDOM),
  'layers/30_child/build-layer': buildLayer('cp /random /child'),
};

const OFFLINE = ['--cache', 'remote:off'];
/** Nobody listens at port 1. */
const NOWHERE = 'http://127.0.0.1:1';

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start();
});
after(async () => gateway?.[Symbol.asyncDispose]());

/** Runs `vlb cache …` and gives what it printed for programs. */
async function cache(
  team: Team,
  machine: TestProject,
  args: readonly string[],
  status = 0,
): Promise<{
  readonly layers: string;
  readonly pushed: number;
  readonly fetched: number;
  readonly ended: Ended;
}> {
  const ended = await machine.vlb(['cache', ...args, '--json'], { env: team.bucket.env() });
  assert.equal(ended.status, status, ended.stdout + ended.stderr);
  const told: Transferred<PushedLayer | PulledLayer> = JSON.parse(ended.stdout);
  return {
    layers: told.layers.map(({ layer, state }) => `${layer} ${state}`).join(', '),
    pushed: told.shared?.pushed.count ?? 0,
    fetched: told.shared?.fetched.count ?? 0,
    ended,
  };
}

/** Builds without a network. */
async function build(machine: TestProject, ...args: readonly string[]) {
  const built = await machine.build([...OFFLINE, ...args]);
  assert.equal(built.status, 0, built.told);
  return built.outcomes;
}

function artifactsOf(machine: TestProject): string[] {
  return readdirSync(machine.path('.vlb/store/sha256')).sort();
}

test('what was built without a network is pushed later, and pulled by another for a build without one', async () => {
  await using team = await Team.create(gateway);
  const [one, two] = [team.machine(FILES), team.machine(FILES)];
  const before = await cache(team, one, ['push']);
  assert.equal(before.layers, '10_base not built, 20_random not built, 30_child not built');
  await build(one);
  assert.deepEqual(await team.bucket.namesLike(/records|artifacts/), []);

  const some = await cache(team, one, ['push', 'random']);
  assert.equal(some.layers, '10_base pushed, 20_random pushed', 'and nothing that was not asked for');
  assert.equal((await team.bucket.namesLike(/records/)).length, 2);
  const rest = await cache(team, one, ['push']);
  assert.equal(rest.layers, '10_base there, 20_random there, 30_child pushed');
  assert.equal(rest.pushed, 1);
  const again = await cache(team, one, ['push']);
  assert.equal(again.layers, '10_base there, 20_random there, 30_child there');
  assert.equal(again.pushed, 0);

  const base = await cache(team, two, ['pull', 'base']);
  assert.equal(base.layers, '10_base fetched');
  const pulled = await cache(team, two, ['pull']);
  assert.equal(pulled.layers, '10_base here, 20_random fetched, 30_child fetched');
  assert.equal(pulled.fetched, 2);
  assert.deepEqual(artifactsOf(two), artifactsOf(one));
  assert.equal(await build(two), '10_base restored, 20_random restored, 30_child restored');
  execFileSync('qemu-img', ['compare', one.path('build/image.qcow2'), two.path('build/image.qcow2')]);
  assert.equal(checkFileSystem(two.path('build/image.qcow2'), path.dirname(two.directory)), '');
  assert.deepEqual(leftovers(two), []);
});

test('people are told layer by layer, with bytes and seconds', async () => {
  await using team = await Team.create(gateway);
  const own = { 'layers/40_own/build-layer': buildLayer('true', '# noshare') };
  const [one, two] = [team.machine({ ...FILES, ...own }), team.machine({ ...FILES, ...own })];
  await build(one);
  const options = { env: team.bucket.env() };
  const pushed = await one.vlb(['cache', 'push'], options);
  assert.match(
    pushed.stdout,
    /^pushed {3}10_base +[\d.]+ MiB\npushed {3}20_random +[\d.]+ [KM]iB\npushed {3}30_child +[\d.]+ [KM]iB\nskipped {2}40_own +[\d.]+ [KM]iB {2}it or its parent is not shared\npushed 3 layers, [\d.]+ MiB in [\d.]+ s; 1 not shared\n$/,
  );
  assert.match(pushed.stderr, /^pushing 10_base /);
  const pulled = await two.vlb(['cache', 'pull'], options);
  assert.match(
    pulled.stdout,
    /^(fetched {3}\d\d_\w+ +[\d.]+ [KM]iB\n){3}to build {2}40_own +no record\nfetched 3 layers, [\d.]+ MiB in [\d.]+ s, which took [\d.]+ s to build; 1 to be built\n$/,
  );
  assert.equal(await build(two), '10_base restored, 20_random restored, 30_child restored, 40_own built');

  const log = await two.vlb(['log', 'random']);
  assert.equal(log.status, 2);
  assert.match(
    log.stderr,
    /there is no log of 20_random here: it ran on another machine, and came from the shared cache\n +help: to run it here: vlb build --force=20_random 20_random\n/,
  );
});

test('push puts right what lost its artifact, and leaves alone what others have built', async () => {
  await using team = await Team.create(gateway);
  const [one, two, three] = [team.machine(FILES), team.machine(FILES), team.machine(FILES)];
  await build(one);
  assert.equal((await cache(team, one, ['push'])).pushed, 3);
  const [artifact = ''] = await team.bucket.namesLike(/artifacts/);
  await team.bucket.remove(artifact);
  assert.equal((await cache(team, one, ['push'])).pushed, 1);
  assert.equal((await team.bucket.namesLike(/artifacts/)).length, 3);

  await cache(team, two, ['pull', 'base']);
  await build(two);
  const there = await team.bucket.names();
  const other = await cache(team, two, ['push']);
  assert.equal(other.layers, '10_base there, 20_random other, 30_child other');
  assert.deepEqual(await team.bucket.names(), there);
  assert.equal(
    await build(two),
    '10_base fresh, 20_random fresh, 30_child fresh',
    'nor does anything change here',
  );
  assert.equal((await cache(team, three, ['pull'])).fetched, 3);
  assert.deepEqual(artifactsOf(three), artifactsOf(one));
});

describe('prefetch', () => {
  test('brings all that a build without a network asks for, also what layers only looked into', async () => {
    await using team = await Team.create(gateway);
    const files = {
      'layers/10_base/modify-disk': tinyDisk(),
      'layers/20_tool/build-layer': buildLayer('echo tool > /tool'),
      'layers/30_app/build-layer': buildLayer('cat /t/tool > /app', '# vlb: from base\n# vlb: mount tool /t'),
    };
    const [one, two] = [team.machine(files), team.machine(files)];
    assert.equal((await team.build(one)).status, 0);
    const fetched = await cache(team, two, ['prefetch']);
    assert.equal(fetched.layers, '10_base fetched, 20_tool fetched, 30_app fetched');
    assert.equal(await build(two), '10_base restored, 20_tool restored, 30_app restored');
  });

  test('never fails because of the shared cache, where pull does; a build goes on from what came', async () => {
    await using team = await Team.create(gateway);
    const [one, two] = [team.machine(FILES), team.machine(FILES)];
    assert.equal((await team.build(one)).status, 0);
    const [, damaged = ''] = artifactsOf(one);
    const object = `team/trusted/artifacts/${damaged}.zst`;
    const bytes = await team.bucket.read(object);
    await team.bucket.write(object, bytes.subarray(0, bytes.length >> 1));
    const failing = await cache(team, two, ['pull'], 3);
    assert.match(failing.layers, / failed/);
    assert.match(failing.ended.stderr, /^error: not everything could be fetched$/m);
    assert.match(
      failing.ended.stderr,
      /^note: cannot fetch \d\d_\w+ from the shared cache .*: its artifact is damaged$/m,
    );
    const fetched = await cache(team, two, ['prefetch']);
    assert.match(fetched.layers, / failed/);
    assert.match(
      fetched.ended.stderr,
      /^note: not everything could be fetched: what is missing is built here$/m,
    );
    assert.match(await build(two), / built/);
    assert.equal(checkFileSystem(two.path('build/image.qcow2'), path.dirname(two.directory)), '');
  });

  test('a server that is not there, no shared cache at all, or one that is turned off: a line, no more', async () => {
    await using team = await Team.create(gateway);
    const machine = team.machine(FILES);
    machine.write({ 'vlb.yaml': team.bucket.config({ endpoint: NOWHERE }) });
    const nowhere = await cache(team, machine, ['prefetch']);
    assert.equal(nowhere.layers, '10_base not built, 20_random not built, 30_child not built');
    assert.match(
      nowhere.ended.stderr,
      /^note: not using the shared cache .* for the rest of this run: .*ECONNREFUSED/m,
    );
    await cache(team, machine, ['pull'], 3);
    const off = { env: { ...team.bucket.env(), VLB_CACHE: 'remote:off' } };
    for (const [args, status, says] of [
      [['prefetch'], 0, /^note: the shared cache is turned off: what is missing is built here\n$/],
      [['pull'], 2, /^error: the shared cache is turned off\n/],
      [['push'], 2, /^error: the shared cache is turned off\n/],
      [
        ['push', '--cache', 'remote:r'],
        2,
        /^error: vlb store push writes to the shared cache, which is read-only here\n/,
      ],
      [['pull', 'nonsense', '--cache', 'remote:rw'], 2, /nonsense/],
      [['prefetch', 'nonsense', '--cache', 'remote:rw'], 2, /nonsense/],
    ] as const) {
      const ended = await machine.vlb(['cache', ...args], off);
      assert.equal(ended.status, status, `${args.join(' ')}: ${ended.stderr}`);
      assert.match(ended.stderr, says);
    }
    machine.write({ 'vlb.yaml': '' });
    const none = await machine.vlb(['cache', 'prefetch']);
    assert.equal(none.status, 0, none.stderr);
    assert.equal(none.stderr, 'note: the project has no shared cache: what is missing is built here\n');
    for (const command of [['push'], ['pull'], ['ls', '--remote'], ['gc', '--remote']]) {
      const ended = await machine.vlb(['cache', ...command]);
      assert.equal(ended.status, 2, ended.stderr);
      assert.match(
        ended.stderr,
        /^error: the project has no shared cache\n.*vlb\.yaml\n +help: add cache:, below it s3:/,
      );
    }
  });
});

test('who may only read is told so by push, and pulls', async () => {
  await using team = await Team.create(gateway);
  const [one, two] = [team.machine(FILES), team.machine(FILES)];
  const user = { accessKey: 'readerkey', secretKey: 'readersecret' };
  gateway.addUser('reader', user);
  await team.bucket.setPolicy({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: ['arn:aws:iam:::user/reader'] },
        Action: ['s3:ListBucket', 's3:GetObject'],
        Resource: [`arn:aws:s3:::${team.bucket.name}`, `arn:aws:s3:::${team.bucket.name}/*`],
      },
    ],
  });
  assert.equal((await team.build(one, ['base'])).status, 0);
  await build(one);
  const env = team.bucket.env(user);
  const pushed = await one.vlb(['cache', 'push'], { env });
  assert.equal(pushed.status, 3, pushed.stderr);
  assert.match(
    pushed.stderr,
    /^note: cannot write to the shared cache .*, using it read-only: 403 AccessDenied/m,
  );
  assert.match(pushed.stderr, /^error: not everything could be pushed\n/m);
  const pulled = await two.vlb(['cache', 'pull'], { env });
  assert.equal(pulled.status, 0, pulled.stderr);
  assert.match(
    pulled.stdout,
    /^fetched +10_base .*\nto build +20_random +no record\nto build +30_child +parent changed\n/,
  );
  assert.equal(notesOf(await team.build(two, [], { env })).length, 1, 'a build says that it only reads');
});
