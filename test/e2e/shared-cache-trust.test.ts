// Who may write what in the shared cache: scopes, which the server enforces, and signatures.

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { TestProject } from '../rig/project.ts';
import { Gateway } from '../rig/s3/gateway.ts';
import { notesOf, Team } from '../rig/s3/team.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_app/build-layer': buildLayer('dd if=/dev/urandom of=/app bs=1k count=64 2>/dev/null'),
};

/** A credential for pull requests, and one for people who only read. */
const UNTRUSTED = { accessKey: 'untrustedkey', secretKey: 'untrustedsecret' };
const READER = { accessKey: 'readerkey', secretKey: 'readersecret' };

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start();
  gateway.addUser('untrusted', UNTRUSTED);
  gateway.addUser('reader', READER);
});
after(async () => gateway?.[Symbol.asyncDispose]());

/** The policies of docs/shared-cache.md, for the prefix `team`. */
function policyOf(bucket: string): object {
  const user = (name: string) => ({ AWS: [`arn:aws:iam:::user/${name}`] });
  const allow = (name: string, actions: readonly string[], place: string) => ({
    Effect: 'Allow',
    Principal: user(name),
    Action: actions,
    Resource: `arn:aws:s3:::${bucket}${place}`,
  });
  return {
    Version: '2012-10-17',
    Statement: [
      ...['untrusted', 'reader'].flatMap((name) => [
        allow(name, ['s3:ListBucket'], ''),
        allow(name, ['s3:GetObject'], '/team/trusted/*'),
      ]),
      allow('untrusted', ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload'], '/team/untrusted/*'),
    ],
  };
}

async function keyFor(machine: TestProject, name: string): Promise<{ file: string; config: string }> {
  const file = path.join(path.dirname(machine.directory), name);
  const made = await machine.vlb(['cache', 'keygen', file]);
  assert.equal(made.status, 0, made.stderr);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  return { file, config: made.stdout.replace(/^cache:\n/, '') };
}

test('who may only read builds what is missing, and says once why it does not write', async () => {
  await using team = await Team.create(gateway);
  await team.bucket.setPolicy(policyOf(team.bucket.name));
  const [one, two] = [team.machine(FILES), team.machine(FILES)];
  assert.equal((await team.build(one)).status, 0);
  const env = team.bucket.env(READER);
  two.write({ 'layers/30_own/build-layer': buildLayer('echo own > /own') });
  const built = await team.build(two, [], { env });
  assert.equal(built.outcomes, '10_base restored, 20_app restored, 30_own built', built.told);
  assert.deepEqual(notesOf(built), [
    `cannot write to the shared cache s3://${team.bucket.name}/team, using it read-only: 403 AccessDenied`,
  ]);
  two.write({ 'layers/40_more/build-layer': buildLayer('echo more > /more') });
  const quiet = await team.build(two, ['--cache', 'local:rw,remote:r'], { env });
  assert.match(quiet.outcomes, /40_more built$/);
  assert.deepEqual(notesOf(quiet), []);
  assert.equal((await team.bucket.namesLike(/records/)).length, 2);
});

test('a poisoned record in the untrusted scope is not seen by a trusted build', async () => {
  await using team = await Team.create(gateway);
  await team.bucket.setPolicy(policyOf(team.bucket.name));
  const [stranger, other, ours] = [team.machine(FILES), team.machine(FILES), team.machine(FILES)];
  const env = { ...team.bucket.env(UNTRUSTED), VLB_CACHE_SCOPE: 'untrusted/pr-1' };
  assert.equal((await team.build(ours, ['base'])).status, 0);
  const built = await team.build(stranger, [], { env });
  assert.equal(built.outcomes, '10_base restored, 20_app built', built.told);
  assert.deepEqual(notesOf(built), []);
  const names = await team.bucket.namesLike(/untrusted/);
  assert.equal(names.filter((name) => /untrusted\/pr-1\/(records|artifacts)\//.test(name)).length, 2);

  // Its own next build has it, a trusted one has not.
  assert.equal((await team.build(other, [], { env })).outcomes, '10_base restored, 20_app restored');
  assert.equal((await team.build(ours)).outcomes, '10_base fresh, 20_app built');

  // However it calls itself, its credential writes nowhere else.
  stranger.write({ 'layers/30_evil/build-layer': buildLayer('echo evil > /evil') });
  const liar = await team.build(stranger, [], { env: team.bucket.env(UNTRUSTED) });
  assert.match(liar.outcomes, /30_evil built$/, liar.told);
  assert.match(
    notesOf(liar).join('\n'),
    /^cannot write to the shared cache .*, using it read-only: 403 AccessDenied/m,
  );
  assert.equal((await team.bucket.namesLike(/^team\/trusted\/records/)).length, 2);
});

test('with trusted keys only what one of them signed is used', async () => {
  await using team = await Team.create(gateway);
  const stranger = team.machine(FILES);
  const ours = await keyFor(stranger, 'ours.key');
  const theirs = await keyFor(stranger, 'theirs.key');
  const [one, two, three] = [
    team.machine(FILES, ours.config),
    team.machine(FILES, ours.config),
    team.machine(FILES, ours.config),
  ];
  assert.equal((await team.build(stranger)).status, 0);
  const unsigned = await team.build(one, [], { env: { VLB_CACHE_SIGNING_KEY: ours.file } });
  assert.equal(unsigned.outcomes, '10_base built, 20_app built', unsigned.told);
  assert.match(notesOf(unsigned).join('\n'), /^not using the record s3:\/\/.*\.json: it is not signed$/m);

  // What was signed has taken its place.
  const reading = { env: { VLB_CACHE: 'remote:r' } };
  const signed = await team.build(two, [], reading);
  assert.equal(signed.outcomes, '10_base restored, 20_app restored', signed.told);
  assert.deepEqual(notesOf(signed), []);

  // A signature that belongs to another record, and an artifact in place of another.
  const records = await Promise.all(
    (await team.bucket.namesLike(/records/)).map(async (name) => ({
      name,
      envelope: JSON.parse(String(await team.bucket.read(name))),
    })),
  );
  // What stands on the stranger's base is there too, and is of no use to anybody.
  const [a, b, ...more] = records.filter(({ envelope }) => envelope.signatures.length > 0);
  assert.ok(a && b && more.length === 0);
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    const forged = { ...one.envelope, signatures: other.envelope.signatures };
    await team.bucket.write(one.name, Buffer.from(JSON.stringify(forged)));
  }
  const forged = await team.build(three, [], reading);
  assert.equal(forged.outcomes, '10_base built, 20_app built', forged.told);
  assert.match(notesOf(forged).join('\n'), /: it has an invalid signature$/m);

  const foreign = await team.build(three, ['--force'], { env: { VLB_CACHE_SIGNING_KEY: theirs.file } });
  assert.equal(foreign.status, 0, foreign.told);
  assert.match(
    notesOf(foreign).join('\n'),
    /^not writing to .*: the key of VLB_CACHE_SIGNING_KEY is not in cache: trusted-keys of vlb\.yaml$/m,
  );
});

test('what the environment says wrongly is refused before anything is built', async () => {
  await using team = await Team.create(gateway);
  const machine = team.machine(FILES);
  const file = path.join(path.dirname(machine.directory), 'no.key');
  for (const [env, message] of [
    [{ VLB_CACHE_SCOPE: 'mine' }, /VLB_CACHE_SCOPE cannot be mine/],
    [{ VLB_CACHE_SCOPE: 'untrusted/../trusted' }, /VLB_CACHE_SCOPE cannot be/],
    [{ VLB_CACHE_SIGNING_KEY: file }, /the key that VLB_CACHE_SIGNING_KEY names cannot be read/],
    [{ VLB_CACHE_SIGNING_KEY: '/etc/passwd' }, /has to name a file with a private key for Ed25519/],
    [{ VLB_CACHE: 'remote:w' }, /VLB_CACHE: unknown setting "remote:w"/],
  ] as const) {
    const built = await team.build(machine, [], { env });
    assert.equal(built.status, 2, built.told);
    assert.match(built.ended.stderr, message);
  }
  assert.deepEqual(await team.bucket.names(), []);
});
