// The policies of docs/shared-cache.md, each as it stands there, given to a user of a real server: what each role can do, and what not.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { REPOSITORY } from '../rig/project.ts';
import { Gateway, type S3User } from '../rig/s3/gateway.ts';
import { notesOf, Team } from '../rig/s3/team.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const ROLES = ['reader', 'writer', 'untrusted', 'keeper'] as const;
type Role = (typeof ROLES)[number];

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
}

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start();
});
after(async () => gateway?.[Symbol.asyncDispose]());

/** The statements behind the bold name of a role, for another bucket and the prefix of the tests. */
function statementsOf(role: Role, bucket: string): readonly Statement[] {
  const page = readFileSync(path.join(REPOSITORY, 'docs/shared-cache.md'), 'utf8');
  const [, behind = ''] = page.split(`\n**${role}**: `);
  const [, text = ''] = /\n( {4}\{\n.*?\n {4}\}\n)/s.exec(behind) ?? [];
  const { Statement } = JSON.parse(
    text.replaceAll('example-vlb/images/', `${bucket}/team/`).replaceAll('example-vlb', bucket),
  );
  assert.ok(Array.isArray(Statement) && Statement.length > 0, role);
  return Statement;
}

function userOf(role: Role): S3User {
  return { accessKey: `${role}key`, secretKey: `${role}secret` };
}

test('each role can do what it is for, and no more', async () => {
  await using team = await Team.create(gateway);
  const { bucket } = team;
  const statements = ROLES.flatMap((role) => {
    gateway.addUser(role, userOf(role));
    const Principal = { AWS: [`arn:aws:iam:::user/${role}`] };
    return statementsOf(role, bucket.name).map((statement) => ({ ...statement, Principal }));
  });
  await bucket.setPolicy({ Version: '2012-10-17', Statement: statements });
  const files = (app: string) => ({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(`echo ${app} > /app`),
  });
  const scope = { VLB_CACHE_SCOPE: 'untrusted/pr-1' };
  /** Builds on a new machine. */
  const build = async (role: Role, app: string, more: Readonly<Record<string, string>> = {}) => {
    const built = await team.build(team.machine(files(app)), [], {
      env: { ...bucket.env(userOf(role)), ...more },
    });
    assert.equal(built.status, 0, built.told);
    return { outcomes: built.outcomes, notes: notesOf(built).join('\n') };
  };
  const only = /^cannot write to the shared cache .*, using it read-only: 403 AccessDenied/m;

  assert.deepEqual(await build('writer', 'one'), { outcomes: '10_base built, 20_app built', notes: '' });
  const trusted = await bucket.names();
  const read = await build('reader', 'one');
  assert.equal(read.outcomes, '10_base restored, 20_app restored');
  assert.match((await build('reader', 'two')).notes, only);
  assert.match(
    (await build('untrusted', 'two')).notes,
    only,
    'without its scope it would write where others read',
  );
  assert.deepEqual(await bucket.names(), trusted);

  const untrusted = await build('untrusted', 'two', scope);
  assert.deepEqual(untrusted, { outcomes: '10_base restored, 20_app built', notes: '' });
  assert.deepEqual(await build('untrusted', 'two', scope), {
    outcomes: '10_base restored, 20_app restored',
    notes: '',
  });
  assert.equal((await bucket.namesLike(/untrusted\/pr-1\/(records|artifacts)\//)).length, 2);
  assert.match((await build('writer', 'two')).outcomes, /20_app built$/, 'trusted builds do not see it');
  assert.match((await build('writer', 'three', scope)).notes, only);

  const names = await bucket.names();
  const machine = team.machine(files('one'));
  const gc = (role: Role) =>
    machine.vlb(['cache', 'gc', '--remote', '--max-size', '0'], { env: bucket.env(userOf(role)) });
  for (const role of ['reader', 'writer', 'untrusted'] as const) {
    const ended = await gc(role);
    assert.equal(ended.status, 3, `${role}: ${ended.stdout}`);
    assert.match(ended.stderr, /AccessDenied/);
  }
  assert.deepEqual(await bucket.names(), names);
  const kept = await gc('keeper');
  assert.equal(kept.status, 0, kept.stderr);
  assert.deepEqual(await bucket.namesLike(/records|artifacts/), []);
  assert.match((await build('keeper', 'one')).notes, only);
});
