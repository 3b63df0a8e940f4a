// Whose name it is: living processes, dead ones, and those of other versions.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, utimesSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootId, ownerIsAlive, ownerName } from '../../../../src/host/process/owner.ts';
import { Tree } from '../../../rig/tree.ts';

/** The fields of proc(5)'s /proc/PID/stat from the third on. */
function fields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Another process's name. */
function nameOf(pid: number): string {
  return `${pid}-${fields(pid)[19]}.${bootId()}`;
}

test('a living process has its name to itself, and what more follows', () => {
  const name = ownerName();
  assert.match(name, /^\d+-\d+\.[0-9a-f]{8}-n\d+$/);
  assert.equal(ownerIsAlive(name), true);
  assert.equal(ownerIsAlive(`${name}-0`), true);
  assert.equal(ownerIsAlive(name.replace('-', '-1')), false, 'it started at another time');
  assert.equal(ownerIsAlive(name.replace(bootId(), '00000000')), false, 'in another boot');
  assert.equal(ownerIsAlive(`${name}x`), false);
  for (const text of ['', '-', 'x', '0', 'lock', '99999999', '99999999-1.00000000', '{"pid":1}'])
    assert.equal(ownerIsAlive(text), false, text);
});

test('a process that ended is dead, though its parent does not care for that', async () => {
  // The shell becomes a sleep, which never asks what became of the other.
  const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
    const name = nameOf(pid);
    assert.equal(ownerIsAlive(name), true);
    for (let tries = 0; fields(pid)[0] !== 'Z'; tries++) {
      assert.ok(tries < 1000, 'it never ended');
      await sleep(20);
    }
    assert.equal(ownerIsAlive(name), false);
  } finally {
    parent.kill();
  }
});

test('of the name of another version the number counts, as long as a vlb has it', async () => {
  using tree = new Tree({ 'dist/main.mjs': 'console.log("begun"); setTimeout(() => {}, 60_000);' });
  const other = spawn(process.execPath, [tree.path('dist/main.mjs')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await new Promise((resolve) => other.stdout.once('data', resolve));
  const ended = new Promise((resolve) => other.once('exit', resolve));
  assert.equal(ownerIsAlive(`${other.pid}`), true);
  assert.equal(ownerIsAlive(`${other.pid}-12345`), true);
  assert.equal(ownerIsAlive(`${other.pid}@host`), true);
  assert.equal(ownerIsAlive(`${process.pid}-12345`), false, 'this is a test, no vlb');
  other.kill('SIGKILL');
  await ended;
  assert.equal(ownerIsAlive(`${other.pid}`), false);
});

test('a name without a PID namespace, of an older vlb, is that of a process here', () => {
  assert.equal(ownerIsAlive(nameOf(process.pid)), true);
  assert.equal(ownerIsAlive(`${nameOf(process.pid)}-0`), true);
  assert.equal(ownerIsAlive(nameOf(process.pid).replace('-', '-1')), false);
});

test('a process in another PID namespace is alive as long as its file is fresh', async () => {
  using tree = new Tree({ file: '' });
  const other = ownerName().replace(/-n\d+$/, '-n1');
  assert.equal(ownerIsAlive(other), true, 'nothing is known of it');
  assert.equal(ownerIsAlive(`${other}-0`, tree.path('file')), true);
  assert.equal(
    ownerIsAlive(other.replace(/^\d+/, '99999999'), tree.path('file')),
    true,
    'ids mean nothing here',
  );
  await sleep(20);
  assert.equal(ownerIsAlive(other, tree.path('file'), 10), false);
  assert.equal(ownerIsAlive(other, tree.path('no-such-file')), false);
  assert.equal(
    ownerIsAlive(other.replace(bootId(), '00000000'), tree.path('file')),
    false,
    'in another boot',
  );
  utimesSync(tree.path('file'), 1, 1);
  assert.equal(ownerIsAlive(other, tree.path('file')), true, 'its stamp is not the time of its last change');
});
