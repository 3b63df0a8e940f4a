// vlb cache ls, du and gc --remote on a real bucket, beside machines that share through it.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { SharedCollected, SharedEntry, SharedUsage } from '../../src/model/ports/shared-upkeep.ts';
import { checkFileSystem, leftovers, readFromImage } from '../rig/host-state.ts';
import type { TestProject } from '../rig/project.ts';
import { Gateway } from '../rig/s3/gateway.ts';
import { Team } from '../rig/s3/team.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const ARTIFACTS = /\/artifacts\//;
const HOUR = 3_600_000;

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start();
});
after(async () => gateway?.[Symbol.asyncDispose]());

function files(app: string) {
  return {
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(`echo ${app} > /app`),
  };
}

async function build(team: Team, machine: TestProject, env: Readonly<Record<string, string>> = {}) {
  const built = await team.build(machine, [], { env });
  assert.equal(built.status, 0, built.told);
  return built.outcomes;
}

/** Runs `vlb cache … --remote --json` and gives what it prints. */
async function remote<T>(team: Team, machine: TestProject, ...args: readonly string[]): Promise<T> {
  const ended = await machine.vlb(['cache', ...args, '--remote', '--json'], { env: team.bucket.env() });
  assert.equal(ended.status, 0, ended.stderr);
  return JSON.parse(ended.stdout);
}

function assertSound(machine: TestProject, app: string): void {
  const scratch = path.dirname(machine.directory);
  assert.equal(checkFileSystem(machine.path('build/image.qcow2'), scratch), '');
  assert.equal(readFromImage(machine.path('build/image.qcow2'), scratch, '/app'), `${app}\n`);
  assert.deepEqual(leftovers(machine), []);
}

test('ls and du tell what is there; gc takes what was pushed first, and nothing that something stands on', async () => {
  await using team = await Team.create(gateway);
  const one = team.machine(files('one'));
  assert.deepEqual(await remote<SharedEntry[]>(team, one, 'ls'), []);
  assert.match(
    (await one.vlb(['cache', 'ls', '--remote'], { env: team.bucket.env() })).stdout,
    /^the shared cache is empty\n$/,
  );
  await build(team, one);
  one.write(files('two'));
  await build(team, one);

  const entries = await remote<SharedEntry[]>(team, one, 'ls');
  assert.deepEqual(
    entries.map(({ layer, scope }) => `${layer} ${scope}`),
    ['20_app trusted', '20_app trusted', '10_base trusted'],
  );
  for (const { pushed } of entries) assert.ok(Math.abs(Date.now() - Date.parse(pushed)) < HOUR, pushed);
  const sizes = new Map<string, number>();
  for (const name of await team.bucket.names()) sizes.set(name, (await team.bucket.read(name)).length);
  const sizeOf = (pattern: RegExp) =>
    [...sizes].reduce((total, [name, bytes]) => total + (pattern.test(name) ? bytes : 0), 0);
  const usage = await remote<SharedUsage>(team, one, 'du');
  assert.deepEqual(usage.artifacts, { count: 3, bytes: sizeOf(ARTIFACTS) });
  assert.deepEqual(usage.records, { count: 3, bytes: sizeOf(/\/records\//) });
  assert.equal(usage.place, `s3://${team.bucket.name}/team`);

  const names = await team.bucket.names();
  assert.deepEqual((await remote<SharedCollected>(team, one, 'gc')).removed, [], 'nobody gave a limit');
  assert.deepEqual((await remote<SharedCollected>(team, one, 'gc', '--max-age', '2h')).removed, []);
  const limit = ['--max-size', `${Math.ceil(usage.artifacts.bytes / 1024) - 1}K`];
  const would = await remote<SharedCollected>(team, one, 'gc', ...limit, '-n');
  assert.deepEqual(await team.bucket.names(), names);
  const done = await remote<SharedCollected>(team, one, 'gc', ...limit);
  assert.deepEqual(done, would);
  const [, second, base] = entries;
  assert.deepEqual(done.removed, [second]);
  assert.equal(done.kept.count, 2);
  const gone = names.filter(
    (name) => name.includes(second?.digest ?? '-') || name.includes(second?.key ?? '-'),
  );
  assert.equal(gone.length, 2);
  assert.deepEqual(
    await team.bucket.names(),
    names.filter((name) => !gone.includes(name)),
  );

  const two = team.machine(files('two'));
  assert.equal(await build(team, two), '10_base restored, 20_app restored');
  two.write(files('one'));
  assert.equal(await build(team, two), '10_base fresh, 20_app built', 'what is gone is made again');
  assertSound(two, 'one');
  const all = await remote<SharedCollected>(team, one, 'gc', '--max-age', '0');
  assert.equal(all.removed.length, 3);
  assert.equal(all.removed.at(-1)?.digest, base?.digest, 'what others stand on goes last');
  assert.deepEqual(await team.bucket.namesLike(/artifacts|records/), []);
});

test('what has no record is left for a day; what untrusted builds wrote goes before anything else', async () => {
  await using team = await Team.create(gateway);
  const one = team.machine(files('one'));
  await build(team, one);
  const two = team.machine(files('two'));
  await build(team, two, { VLB_CACHE_SCOPE: 'untrusted/pr-7' });
  const waiting = `team/trusted/artifacts/${'a'.repeat(64)}.qcow2.zst`;
  await team.bucket.write(waiting, Buffer.alloc(10));
  const usage = await remote<SharedUsage>(team, one, 'du');
  assert.deepEqual(
    usage.scopes.map(({ scope, count }) => `${scope} ${count}`),
    ['trusted 3', 'untrusted/pr-7 1'],
  );
  assert.equal(usage.unrecorded.count, 1);
  const limit = `${Math.ceil(usage.artifacts.bytes / 1024) - 1}K`;
  const { removed } = await remote<SharedCollected>(team, one, 'gc', '--max-size', limit);
  assert.deepEqual(
    removed.map(({ layer, scope }) => `${layer} ${scope}`),
    ['20_app untrusted/pr-7'],
  );
  await remote<SharedCollected>(team, one, 'gc', '--max-size', '0');
  assert.deepEqual(await team.bucket.namesLike(ARTIFACTS), [waiting]);
});

test('gc over and over beside two machines that build and share: each build is right', async () => {
  await using team = await Team.create(gateway);
  const [one, two] = [team.machine(files('0')), team.machine(files('0'))];
  const gc = team.machine(files('0'));
  let isOver = false;
  let freed = 0;
  const keeping = (async () => {
    while (!isOver)
      freed += (await remote<SharedCollected>(team, gc, 'gc', '--max-size', '0')).removed.length;
  })();
  try {
    for (let round = 0; round < 4; round++) {
      const app = String(round >> 1);
      for (const machine of [one, two]) machine.write(files(app));
      await Promise.all([build(team, one), build(team, two)]);
      for (const machine of [one, two]) assertSound(machine, app);
    }
  } finally {
    isOver = true;
    await keeping;
  }
  assert.ok(freed > 0);
  const last = team.machine(files('1'));
  await build(team, last);
  assertSound(last, '1');
});

test('who may not delete, or may not even list, is told which right is missing, and nothing goes', async () => {
  await using team = await Team.create(gateway);
  const machine = team.machine(files('one'));
  await build(team, machine);
  const user = { accessKey: 'keeperkey', secretKey: 'keepersecret' };
  gateway.addUser('keeper', user);
  const options = { env: team.bucket.env(user) };
  const denied = await machine.vlb(['cache', 'ls', '--remote'], options);
  assert.equal(denied.status, 3, denied.stdout);
  assert.match(
    denied.stderr,
    /^error: cannot read the shared cache s3:\/\/team-\d+\/team: 403 AccessDenied.*\n +help: use credentials that allow s3:ListBucket and s3:GetObject\n$/,
  );
  await team.bucket.setPolicy({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: ['arn:aws:iam:::user/keeper'] },
        Action: ['s3:ListBucket', 's3:GetObject'],
        Resource: [`arn:aws:s3:::${team.bucket.name}`, `arn:aws:s3:::${team.bucket.name}/*`],
      },
    ],
  });
  assert.match(
    (await machine.vlb(['cache', 'ls', '--remote'], options)).stdout,
    /^LAYER .*\n20_app .* trusted\n10_base .* trusted\n$/,
  );
  const names = await team.bucket.names();
  const gc = await machine.vlb(['cache', 'gc', '--remote', '--max-size', '0'], options);
  assert.equal(gc.status, 3, gc.stdout);
  assert.match(gc.stderr, /^error: cannot change the shared cache s3:\/\/team-\d+\/team: .*AccessDenied/);
  assert.deepEqual(await team.bucket.names(), names);
  for (const [args, says] of [
    [['--max-size', '20'], /--max-size 20: must be a size like 20G, or none/],
    [['--cache', 'remote:r'], /vlb store gc --remote writes to the shared cache, which is read-only here/],
  ] as const) {
    const ended = await machine.vlb(['cache', 'gc', '--remote', ...args], options);
    assert.equal(ended.status, 2, ended.stderr);
    assert.match(ended.stderr, says);
  }
});
