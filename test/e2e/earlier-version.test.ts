// A project with its store as version 0.1.0 left it (made by that version, see test/fixtures/README.md): every later one
// has to find in it what that one would have found.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { REPOSITORY, TestProject } from '../rig/project.ts';

const FIXTURE = path.join(REPOSITORY, 'test/fixtures/project-0.1.0.tar.xz');

function unpacked(): TestProject {
  const project = new TestProject({});
  execFileSync('tar', ['-xpJf', FIXTURE, '--no-same-owner', '-C', project.directory]);
  return project;
}

const ALL = ['base', '10_disk', '20_more', '30_uncached'];
const outcomes = (...words: readonly string[]) => ALL.map((layer, at) => `${layer} ${words[at]}`).join(', ');

test('everything that version 0.1.0 built is found in place', async () => {
  await using project = unpacked();
  const built = await project.build();
  assert.equal(built.outcomes, outcomes('fresh', 'fresh', 'fresh', 'fresh'), built.told);
});

test('without build/ and the state of the project, the store of version 0.1.0 has it all but what it was not to keep', async () => {
  await using project = unpacked();
  for (const name of ['build', '.vlb/in-place', '.vlb/stat-index']) {
    rmSync(project.path(name), { recursive: true });
  }
  const built = await project.build();
  assert.equal(built.outcomes, outcomes('fresh', 'restored', 'restored', 'built'), built.told);
});

test('an edit runs its layer, and what version 0.1.0 recorded explains why', async () => {
  await using project = unpacked();
  const script = project.path('layers/20_more/modify-disk');
  const text = readFileSync(script, 'utf8');
  writeFileSync(script, text.replace('version %s', 'edition %s'));
  const why = await project.vlb(['why', '20_more']);
  assert.match(why.stdout, /^ {2}changed \(content\): \.\/modify-disk$/m);
  const built = await project.build();
  assert.equal(built.outcomes, outcomes('fresh', 'fresh', 'built', 'built'), built.told);
  writeFileSync(script, text);
  const back = await project.build();
  assert.equal(back.outcomes, outcomes('fresh', 'fresh', 'restored', 'built'), back.told);
});
