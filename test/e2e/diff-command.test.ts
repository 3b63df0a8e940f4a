// vlb diff as a command: the shell in both disks, what is wrong with a command line, and that everything is given back.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { GOLDEN, project } from '../rig/diff-project.ts';
import { leftovers } from '../rig/host-state.ts';
import { run, VLB } from '../rig/project.ts';
import { buildLayer } from '../rig/tiny.ts';

test('a shell sees both disks, and can change neither', async () => {
  await using made = project();
  assert.equal((await made.build()).status, 0);
  const commands = `ls; cat a/srv/content b/srv/content; for d in a b; do touch $d/new; mkdir $d/etc/new; rm $d/srv/content; done; exit 7`;
  const script = `printf '%s\\n' "$1" | "$2" diff app --shell`;
  const ended = await run('sh', ['-c', script, 'sh', commands, VLB], {
    cwd: made.directory,
    env: { SHELL: '/bin/sh' },
  });
  assert.equal(ended.stdout, 'a\nb\ncontent\ncontent\nmore\n', ended.stderr);
  assert.equal(ended.status, 0, 'how the shell ends is the person’s business');
  assert.equal(ended.stderr.match(/Read-only file system/g)?.length, 6, ended.stderr);
  assert.equal((await made.vlb(['diff', 'app'])).stdout, GOLDEN);
  assert.deepEqual(leftovers(made), []);
});

test('a shell on btrfs is refused, since the kernel would show one disk twice', async () => {
  await using made = project({ fileSystem: 'btrfs', size: '512M' }, buildLayer('true'));
  assert.equal((await made.build()).status, 0);
  const { status, stderr } = await made.vlb(['diff', 'app', '--shell']);
  assert.equal(status, 3);
  assert.match(stderr, /^error: 10_base and 20_app use btrfs, and cannot be mounted at the same time$/m);
  assert.deepEqual(leftovers(made), []);
});

test('what is wrong is told', async (t) => {
  await using made = project();
  const cases: readonly [string, readonly string[], number, string][] = [
    ['not built', ['app'], 2, 'error: 20_app is not built yet\n  help: vlb build 20_app first\n'],
    ['no such layer', ['20_ap'], 2, 'error: no layer named "20_ap"\n  help: did you mean 20_app?\n'],
    [
      'no such digest',
      ['deadbeef'],
      2,
      'error: no layer named "deadbeef"\n  help: valid layers: 10_base, 20_app\n',
    ],
    [
      'no such file',
      ['x.qcow2', 'y.qcow2'],
      2,
      'error: image not found\n  at y.qcow2\n  help: create it with vlb build\n',
    ],
    [
      'no image',
      ['layers/10_base/modify-disk', 'app.gz'],
      2,
      'error: this file cannot be compared: it is compressed with gzip\n  at app.gz\n  help: unpack it first: gzip -dk ',
    ],
    [
      'nothing on it',
      ['empty.raw', 'empty.raw'],
      2,
      'error: no operating system found on the disk\n  at empty.raw\n',
    ],
    ['two ways at once', ['app', '--json', '--stat'], 2, 'error: use either --stat or --json, not both\n'],
    ['no word', [], 2, 'error: vlb diff requires another argument\n  help: see vlb diff --help\n'],
  ];
  writeFileSync(made.path('app.gz'), Buffer.from('1f8b080000', 'hex'));
  writeFileSync(made.path('empty.raw'), Buffer.alloc(1024 * 1024));
  for (const [name, words, status, message] of cases) {
    await t.test(name, async () => {
      const ended = await made.vlb(['diff', ...words]);
      assert.equal(ended.stdout, '');
      assert.ok(ended.stderr.startsWith(message), ended.stderr);
      assert.equal(ended.status, status);
    });
  }
  await t.test('the artifact is gone', async () => {
    assert.equal((await made.build()).status, 0);
    rmSync(made.path('.vlb/store/sha256', path.basename(readlinkSync(made.path('build/20_app.qcow2')))));
    const { stderr, status } = await made.vlb(['diff', 'app']);
    assert.equal(
      stderr,
      'error: the artifact of 20_app is gone from the store\n  help: vlb build 20_app first\n',
    );
    assert.equal(status, 2);
  });
  assert.deepEqual(leftovers(made), []);
});

test('however it ends, it gives everything back', async () => {
  await using made = project({
    more: 'dd if=/dev/urandom of="$root/large" bs=1M count=150 2>/dev/null',
    size: '512M',
  });
  assert.equal((await made.build()).status, 0);
  const runs = made.path('.vlb/runs');
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ] as const) {
    const child = spawn(VLB, ['diff', 'base', 'app'], { cwd: made.directory, stdio: 'ignore' });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    while (!readdirSync(runs).some((name) => hasDisk(path.join(runs, name)))) await sleep(2);
    child.kill(signal);
    assert.equal(await ended, status, signal);
    if (signal !== 'SIGKILL') assert.deepEqual(leftovers(made), [], signal);
  }
  // What a killed one left, the next one clears away, once the kernel has ended its namespaces.
  for (
    let tries = 0;
    tries < 100 && leftovers(made).some((found) => /process|attached/.test(found));
    tries++
  ) {
    await sleep(50);
  }
  assert.equal((await made.vlb(['diff', 'app'])).status, 0);
  assert.deepEqual(leftovers(made), []);
});

function hasDisk(directory: string): boolean {
  try {
    return readdirSync(directory).some((name) => name.startsWith('disk-'));
  } catch {
    return false;
  }
}
