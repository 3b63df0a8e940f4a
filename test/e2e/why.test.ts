// vlb plan and vlb why: what would run, and exactly why.

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { type Ended, TestProject } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
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
    assert.match(await asked('end'), /30_end has to run: its parent changed or will be rebuilt/);
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
    /30_end has to run: its parent changed or will be rebuilt\n {2}parent: [0-9a-f]{12} → [0-9a-f]{12}/,
  );

  const artifact = readlinkSync(project.path('build/20_app.qcow2'));
  rmSync(path.resolve(project.path('build'), artifact), { force: true });
  const lost = await project.vlb(['why', 'app']);
  assert.match(lost.stdout, /nothing changed, but its artifact is missing from the store/);
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

test('a parameter, what a layer looks into, and a person who insists are each told as what they are', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('echo "$VERSION" > /version', '# vlb: param VERSION=1'),
    'layers/30_end/build-layer': buildLayer('cat /app/version', '# vlb: from base\n# vlb: mount app /app'),
  });
  assert.equal((await project.build()).status, 0);
  const param = await project.vlb(['why', 'app', '-p', 'VERSION=2']);
  assert.equal(
    param.stdout,
    '20_app has to run: its settings changed since its last build\n  param VERSION: 1 → 2\n',
  );
  const behind = await project.vlb(['why', 'end', '-p', 'VERSION=2']);
  assert.match(
    behind.stdout,
    /^30_end has to run: its parent changed or will be rebuilt\n {2}mount \/app: [0-9a-f]{12} → not-built-yet\n$/,
  );
  const forced = await project.vlb(['build', '-n', '--force=app']);
  assert.equal(
    forced.stdout,
    'fresh   10_base\nrun     20_app   forced\nrun     30_end   parent changed\n',
    forced.stderr,
  );
  assert.equal((await project.build(['-p', 'VERSION=2'])).status, 0);
  assert.match((await project.vlb(['why', 'app', '-p', 'VERSION=2'])).stdout, /20_app is fresh/);
});

test('own changes behind one that has to run are told with it', async () => {
  await using project = new TestProject(FILES);
  assert.equal((await project.build()).status, 0);
  project.write({ 'layers/10_base/more': 'x', 'layers/20_app/page': 'other\n' });
  assert.match(
    (await project.vlb(['why', 'app'])).stdout,
    /^20_app has to run: its inputs changed since its last build\n {2}parent: [0-9a-f]{12} → not-built-yet\n {2}changed \(content\): \.\/page\n$/,
  );
});

test('--record compares with any build that the store has, by the first digits of its key', async () => {
  await using project = new TestProject(FILES);
  assert.equal((await project.build()).status, 0);
  const first = keyOf(await project.vlb(['ls', '--json']), '20_app');
  const listed = await project.vlb(['ls']);
  assert.match(listed.stdout, new RegExp(`^20_app   fresh .* ${first.slice(0, 12)}$`, 'm'));
  const why = async (...args: string[]) => project.vlb(['why', 'app', ...args]);
  assert.match(
    (await why('--record', first)).stdout,
    new RegExp(`^20_app is the same as the record ${first.slice(0, 12)} \\(20_app, built .* UTC\\)\n$`),
  );

  project.write({ 'layers/20_app/page': 'other\n', 'layers/20_app/new': '' });
  assert.equal((await project.build()).status, 0);
  const second = keyOf(await project.vlb(['ls', '--json']), '20_app');
  assert.notEqual(second, first);
  const differs = await why('--record', first.slice(0, 10));
  assert.match(
    differs.stdout,
    /^20_app differs from the record [0-9a-f]{12} \(.*\):\n {2}added: \.\/new\n {2}changed \(content\): \.\/page\n$/,
  );
  assert.deepEqual(JSON.parse((await why('--record', first.slice(0, 10), '--json')).stdout), {
    layer: '20_app',
    record: first,
    changes: [
      { type: 'input', path: './new', how: 'added' },
      { type: 'input', path: './page', how: 'content' },
    ],
  });

  const unlike = second.startsWith('0') ? 'f'.repeat(64) : '0'.repeat(64);
  for (const [key, says] of [
    ['', /--record requires a value|not a key/],
    ['20_app', /--record 20_app: not a key/],
    ['../x', /--record \.\.\/x: not a key/],
    [unlike, /the store has no record whose key begins with/],
  ] as const) {
    const wrong = await why('--record', key);
    assert.equal(wrong.status, 2, wrong.stderr);
    assert.match(wrong.stderr, says);
  }
  // Two that begin alike.
  const keys = project.path('.vlb/store/keys');
  const twin = first.slice(0, 63) + (first.endsWith('0') ? '1' : '0');
  writeFileSync(path.join(keys, `${twin}.json`), readFileSync(path.join(keys, `${first}.json`)));
  const ambiguous = await why('--record', first.slice(0, 20));
  assert.equal(ambiguous.status, 2);
  assert.match(ambiguous.stderr, /2 records have keys that begin with/);
});

function keyOf(listed: Ended, layer: string): string {
  const layers: readonly { layer: string; key: string }[] = JSON.parse(listed.stdout);
  return layers.find((one) => one.layer === layer)?.key ?? '';
}

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
  assert.equal(existsSync(project.path('.vlb/store')), false, 'no store is made');
  assert.equal((await project.vlb(['graph'])).stdout, '10_base  run\n└─ 20_app  run\n   └─ 30_end  run\n');
  assert.match((await project.vlb(['graph', '--format', 'dot'])).stdout, /"20_app" -> "10_base";/);
});

test('a project that is read-only can be looked at, and one in which nothing was built', async () => {
  await using project = new TestProject(FILES);
  const looks = [['plan'], ['why', 'app'], ['ls'], ['graph'], ['build', '-n']] as const;
  const look = async (state: RegExp) => {
    runAsRoot('mount', '--bind', project.directory, project.directory);
    try {
      runAsRoot('mount', '-o', 'remount,bind,ro', project.directory);
      for (const args of looks) {
        const ended = await project.vlb(args);
        assert.equal(ended.status, 0, `${args.join(' ')}: ${ended.stderr}`);
        assert.match(ended.stdout, state);
        assert.equal(ended.stderr, '');
      }
      return await project.vlb(['build']);
    } finally {
      runAsRoot('umount', project.directory);
    }
  };
  const refused = await look(/20_app .*run|run .*20_app/);
  assert.equal(refused.status, 3);
  assert.match(refused.stderr, /cannot write the state of the project/);
  assert.equal(existsSync(project.path('.vlb')), false);
  assert.equal((await project.build()).status, 0);
  await look(/20_app .*fresh|fresh .*20_app/);
});
