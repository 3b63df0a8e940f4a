// vlb plan and vlb why: what would run, and exactly why.

import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readlinkSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_app/build-layer': buildLayer('true'),
  'layers/20_app/page': 'page\n',
  'layers/20_app/tool': '#!/bin/sh\n',
  'layers/30_end/build-layer': buildLayer('true'),
};

test('each kind of change is named, and putting it back leaves nothing to do', async () => {
  await using project = new TestProject(FILES);
  const app = (name: string) => project.path('layers/20_app', name);
  symlinkSync('page', app('link'));
  assert.equal((await project.build()).status, 0);
  const asked = async (layer: string) => (await project.vlb(['why', layer])).stdout.trim();
  const cases: readonly [string, () => void, () => void, RegExp][] = [
    [
      'added',
      () => project.write({ 'layers/20_app/new': 'x' }),
      () => unlinkSync(app('new')),
      /^ {2}added: \.\/new$/m,
    ],
    [
      'removed',
      () => unlinkSync(app('page')),
      () => project.write({ 'layers/20_app/page': 'page\n' }),
      /^ {2}removed: \.\/page$/m,
    ],
    [
      'edited',
      () => project.write({ 'layers/20_app/page': 'other\n' }),
      () => project.write({ 'layers/20_app/page': 'page\n' }),
      /^ {2}changed \(content\): \.\/page$/m,
    ],
    [
      'executable',
      () => chmodSync(app('tool'), 0o755),
      () => chmodSync(app('tool'), 0o644),
      /^ {2}changed \(executable bit\): \.\/tool$/m,
    ],
    [
      'retargeted',
      () => {
        unlinkSync(app('link'));
        symlinkSync('tool', app('link'));
      },
      () => {
        unlinkSync(app('link'));
        symlinkSync('page', app('link'));
      },
      /^ {2}changed \(link target\): \.\/link$/m,
    ],
    [
      'hint',
      () => project.write({ 'layers/20_app/build-layer': buildLayer('true', '# vlb: root-partition 1') }),
      () => project.write({ 'layers/20_app/build-layer': buildLayer('true') }),
      /^ {2}root-partition: - → 1$/m,
    ],
  ];
  for (const [name, change, back, says] of cases) {
    change();
    const told = await asked('app');
    assert.match(told, /^20_app has to run: /, name);
    assert.match(told, says, name);
    assert.equal(
      told.split('\n').filter((line) => !line.includes('build-layer')).length,
      2,
      `${name}: nothing else\n${told}`,
    );
    assert.match(await asked('end'), /30_end has to run: what it stands on is another one, or will be/);
    back();
    assert.match(await asked('app'), /20_app is fresh/, name);
  }
});

test('a changed parent and a lost artifact are told apart, and --json says the same', async () => {
  await using project = new TestProject(FILES);
  assert.equal((await project.build()).status, 0);
  project.write({ 'layers/20_app/build-layer': buildLayer('echo x > /x') });
  assert.equal((await project.build(['app'])).status, 0);
  const moved = await project.vlb(['why', 'end']);
  assert.match(
    moved.stdout,
    /30_end has to run: what it stands on is another one, or will be\n {2}parent: [0-9a-f]{12} → [0-9a-f]{12}/,
  );

  const artifact = readlinkSync(project.path('build/20_app.qcow2'));
  rmSync(path.resolve(project.path('build'), artifact), { force: true });
  const lost = await project.vlb(['why', 'app']);
  assert.match(lost.stdout, /nothing changed, but its artifact is gone/);
  const json = JSON.parse((await project.vlb(['plan', '--json'])).stdout);
  assert.deepEqual(
    json.map((step: { layer: string; state: string; reason?: string }) => [
      step.layer,
      step.state,
      step.reason,
    ]),
    [
      ['10_base', 'fresh', undefined],
      ['20_app', 'run', 'artifact lost'],
      ['30_end', 'run', 'parent changed'],
    ],
  );
});

test('a plan builds nothing, and a piped one is plain text on stdout', async () => {
  await using project = new TestProject(FILES);
  for (const args of [['plan'], ['build', '-n']]) {
    const ended = await project.vlb(args);
    assert.equal(ended.status, 0, ended.stderr);
    assert.equal(
      ended.stdout,
      'run     10_base  no record\nrun     20_app   parent changed\nrun     30_end   parent changed\n',
    );
    assert.equal(ended.stderr, '');
  }
  assert.deepEqual(readdirSync(project.path('.vlb/store/sha256')), []);
  assert.equal((await project.vlb(['graph'])).stdout, '10_base  run\n└─ 20_app  run\n   └─ 30_end  run\n');
  assert.match((await project.vlb(['graph', '--format', 'dot'])).stdout, /"20_app" -> "10_base";/);
});
