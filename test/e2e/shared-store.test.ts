// A store that a group of users shares, and file systems that cannot be written to.

import assert from 'node:assert/strict';
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { run, TestProject, VLB } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_app/build-layer': buildLayer('echo app > /app'),
};
const GROUP = 4000;
const USER = 4001;
const isRoot = process.getuid?.() === 0;

test('the builds of one user, with a umask of 077, are those of the other, whose use counts', {
  skip: !isRoot,
}, async () => {
  await using project = new TestProject(FILES);
  const above = path.dirname(project.directory);
  const [store, other] = [path.join(above, 'store'), path.join(above, 'other')];
  mkdirSync(store);
  chownSync(store, 0, GROUP);
  chmodSync(store, 0o2775);
  chmodSync(above, 0o755);
  cpSync(project.directory, other, { recursive: true });
  runAsRoot('chown', '-R', String(USER), '--', other);
  const shell = (cwd: string, ...command: readonly string[]) =>
    run('sh', ['-c', 'umask 077; exec "$@"', 'sh', ...command], {
      cwd,
      env: { HOME: '/', VLB_CACHE_DIR: store },
    });
  const asUser = (...args: readonly string[]) =>
    shell(
      other,
      'setpriv',
      '--reuid',
      String(USER),
      '--regid',
      String(USER),
      '--groups',
      String(GROUP),
      VLB,
      ...args,
    );
  const built = await shell(project.directory, VLB, 'build');
  assert.equal(built.status, 0, built.stderr);
  const records = readdirSync(path.join(store, 'keys'))
    .filter((name) => name.endsWith('.json'))
    .map((name) => path.join(store, 'keys', name));
  const old = Date.now() / 1000 - 20 * 86_400;
  for (const record of records) utimesSync(record, old, old);
  const restored = await asUser('build');
  assert.match(restored.stdout + restored.stderr, /0 built, 2 restored, 0 fresh/);
  for (const record of records) assert.ok(Date.now() - statSync(record).mtimeMs < 3_600_000, 'last used now');
  // What one of them made, the other may remove.
  const collected = await asUser('store', 'gc');
  assert.equal(collected.status, 0, collected.stderr);
  assert.equal((await shell(project.directory, VLB, 'build', '--force=app')).status, 0);
  assert.equal((await asUser('build')).status, 0);
});

test('on a read-only file system what reads works, and the rest says what to do', {
  skip: !isRoot,
}, async () => {
  await using project = new TestProject(FILES);
  const readOnly = async (directory: string, work: () => Promise<void>) => {
    runAsRoot('mount', '--bind', directory, directory);
    try {
      runAsRoot('mount', '-o', 'remount,bind,ro', directory);
      await work();
    } finally {
      runAsRoot('umount', directory);
    }
  };
  const ended = (text: string) => run(VLB, ['-C', project.directory, ...text.split(' ')]);
  await readOnly(project.directory, async () => {
    for (const command of ['plan', 'ls', 'graph', 'why app', 'build -n', 'store du', 'store ls']) {
      assert.equal((await ended(command)).status, 0, command);
    }
    for (const command of ['build', 'watch', 'new-layer x']) {
      const { status, stderr } = await ended(command);
      assert.match(stderr, /^error: [^\n]*EROFS: read-only file system/, command);
      assert.equal(status, 3, command);
    }
    assert.match(
      (await ended('build')).stderr,
      /help: build a copy of the project on a file system that can be written/,
    );
  });
  const cache = path.join(path.dirname(project.directory), 'store');
  assert.equal((await ended(`build --cache-dir ${cache}`)).status, 0);
  runAsRoot('rm', '-rf', project.path('.vlb'), project.path('build'));
  await readOnly(cache, async () => {
    const restored = await ended(`build --cache-dir ${cache}`);
    assert.match(restored.stdout + restored.stderr, /0 built, 2 restored, 0 fresh/);
    const forced = await ended(`build --cache-dir ${cache} --force=app`);
    assert.match(
      forced.stderr,
      /cannot write to the store: EROFS[^\n]*\n.*\n +help: choose another directory/,
    );
  });
  await readOnly(project.path('.vlb'), async () => {
    assert.match((await ended('build')).stderr, /^error: cannot write the state of the project: EROFS/);
  });
});
