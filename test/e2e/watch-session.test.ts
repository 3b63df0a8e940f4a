// A session of vlb watch: failures, other commands beside it, what follows a success, and its end.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { diskThatWrites } from '../rig/boot/boot-sector.ts';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer } from '../rig/tiny.ts';
import { Typing } from '../rig/typing.ts';
import { add, assertAsBuilt, FILES, repository, SLOW_APP } from '../rig/watch-project.ts';
import { Watching } from '../rig/watching.ts';

test('a layer that failed waits for its inputs, and keeps nobody else waiting', async () => {
  await using project = repository();
  project.write({
    'layers/40_other/input': 'one\n',
    'layers/40_other/build-layer': buildLayer(add('other'), '# vlb: from base'),
  });
  await using watching = new Watching(project);
  await watching.waiting();
  const before = watching.runs.length;
  project.write({
    'layers/20_app/input': 'fails\n',
    'layers/20_app/build-layer': buildLayer('cat input; exit 3'),
  });
  await watching.waiting();
  assert.deepEqual(watching.runs.slice(before), ['20_app']);
  assert.equal(watching.finished?.failures[0]?.layer, '20_app');
  project.write({ 'layers/40_other/input': 'two\n' });
  await watching.waiting();
  assert.deepEqual(watching.runs.slice(before), ['20_app', '40_other']);
  assert.deepEqual(
    watching.finished?.failures.map(({ layer, skipped }) => [layer, skipped]),
    [['20_app', ['30_data']]],
  );
  project.write({ 'layers/20_app/build-layer': FILES['layers/20_app/build-layer'] });
  await watching.waiting();
  assert.deepEqual(watching.runs.slice(before), ['20_app', '40_other', '20_app', '30_data']);
  assert.equal(watching.finished?.ok, true);
  await assertAsBuilt(project);
});

test('a project that is broken for a while is told, and watched on', async () => {
  await using project = repository();
  await using watching = new Watching(project);
  await watching.waiting();
  const script = FILES['layers/20_app/build-layer'];
  project.write({ 'layers/20_app/build-layer': script.replace('\n', '\n# vlb: nonsense\n') });
  await watching.waiting();
  assert.match(watching.stderr, /unknown hint "nonsense"\n {2}at layers\/20_app\/build-layer:2/);
  assert.equal(watching.finished?.failure?.kind, 'usage');
  project.write({ 'layers/20_app/build-layer': script, 'vlb.yaml': 'bse: x\n' });
  await watching.waiting();
  assert.match(watching.stderr, /vlb\.yaml/);
  rmSync(project.path('vlb.yaml'));
  await watching.waiting();
  assert.equal(watching.finished?.ok, true);
  assert.equal(watching.runs.length, 3);
  project.write({ 'layers/20_app/input': 'two\n' });
  await watching.waiting();
  assert.equal(watching.runs.length, 5);
});

test('a project that a link leads to', async () => {
  await using project = repository();
  const link = path.join(path.dirname(project.directory), 'link');
  symlinkSync('project', link);
  await using watching = new Watching(project, ['-C', link]);
  await watching.waiting();
  project.write({ 'layers/30_data/input': 'two\n' });
  await watching.waiting();
  assert.deepEqual(watching.runs.slice(3), ['30_data']);
});

test('what cannot be built from the beginning ends it', async () => {
  await using project = new TestProject({ 'layers/10_base/modify-disk': 'no script\n' });
  const ended = await project.vlb(['watch']);
  assert.equal(ended.status, 2);
  assert.match(ended.stderr, /^error: the script of layer 10_base has no interpreter line/);
  const unknown = await project.vlb(['watch', 'nothing']);
  assert.equal(unknown.status, 2);
});

test('other commands work beside it while it waits', async () => {
  await using project = repository();
  await using watching = new Watching(project);
  await watching.waiting();
  const built = await project.build(['--force=30_data']);
  assert.equal(built.status, 0, built.told);
  assert.doesNotMatch(built.told, /waiting for process/);
  assert.deepEqual(watching.runs.length, 3);
});

test('a command follows each success, and is ended by a change', async () => {
  await using project = repository();
  const line =
    'echo "up $(cat layers/30_data/input)" >> log; sleep 77 & echo $! > pid; sleep 78; echo down >> log';
  await using watching = new Watching(project, ['--exec', line]);
  const log = () => (existsSync(project.path('log')) ? readFileSync(project.path('log'), 'utf8') : '');
  await watching.until('the command', () => log() === 'up one\n');
  project.write({ 'layers/30_data/input': 'two\n' });
  await watching.until('the command', () => log() === 'up one\nup two\n');
  // What leads to no build does not end it.
  project.write({ 'layers/30_data/input': 'two\n' });
  await sleep(600);
  assert.equal(log(), 'up one\nup two\n');
  assert.equal(await watching.end('SIGTERM'), 143);
  const command = `/proc/${readFileSync(project.path('pid'), 'utf8').trim()}/cmdline`;
  assert.ok(!existsSync(command) || readFileSync(command, 'utf8') === '', 'it has ended, reaped or not');
  await using failing = new Watching(project, ['--exec', 'exit 3']);
  await failing.waiting();
  assert.match(failing.stderr, /error: --exec exit 3: exit status 3/);
});

test('^C in the middle of a run leaves nothing behind', async () => {
  await using project = repository(SLOW_APP);
  await using watching = new Watching(project);
  await watching.running('20_app');
  const begun = performance.now();
  assert.equal(await watching.end(), 130);
  assert.ok(performance.now() - begun < 3000);
  assert.deepEqual(leftovers(project), []);
});

test('where the kernel watches no more files, the project is looked at now and then', async () => {
  await using project = repository();
  assert.equal((await project.build()).status, 0);
  project.write({ 'layers/30_data/input': 'two\n' });
  assert.equal((await project.build()).status, 0);
  const limited = ['unshare', '--user', '--map-root-user', 'sh', '-c'];
  const lower = 'echo 3 > /proc/sys/user/max_inotify_watches && exec "$@"';
  await using watching = new Watching(project, [], [...limited, lower, 'sh']);
  await watching.waiting();
  await watching.until('the limit', () => watching.stdout.includes('sysctl -w fs.inotify.max_user_watches='));
  project.write({ 'layers/30_data/input': 'one\n' });
  await watching.waiting();
  assert.equal(watching.finished?.counts.restored, 1);
});

test('keys: r tries again what failed, q and ^C end it', async () => {
  await using project = repository();
  project.write({ 'layers/20_app/build-layer': buildLayer('exit 1') });
  await using terminal = new Typing(project, 'watch');
  await terminal.until(/\(20_app failed; it is retried when its inputs change\); r builds now, q quits/);
  terminal.type('r');
  await terminal.until(/(failed +20_app[\s\S]*r builds now[\s\S]*){2}/);
  terminal.type('xq');
  assert.equal(await terminal.ended, 0);
  await using other = new Typing(project, 'watch');
  await other.until(/r builds now/);
  other.type('\x03');
  assert.equal(await other.ended, 130);
});

test('--check boots the image after each success', async () => {
  await using project = new TestProject({
    'layers/10_disk/modify-disk':
      '#!/bin/sh\n# vlb: from scratch\n# vlb: disk-size 1M\ncat disk.img > "$3"\n',
  });
  const disk = (text: string) =>
    writeFileSync(project.path('layers/10_disk/disk.img'), diskThatWrites(`\r\n${text}`));
  disk('host login: ');
  await using watching = new Watching(project, ['--check']);
  await watching.waiting();
  assert.match(watching.stderr, /up after .*: the console showed "host login:"/);
  disk('Kernel panic - not syncing: x\r\n');
  await watching.waiting();
  assert.match(watching.stderr, /error: .*panic/);
  assert.equal(watching.runs.length, 2);
});
