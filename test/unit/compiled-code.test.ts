// The compiled code of the program that bin/start.mjs keeps: when it is made, used, and left alone.

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkout, run } from '../rig/checkout.ts';
import { isRoot } from '../rig/root.ts';

/** What is kept: which files, and when they were made. */
function kept(root: string): Record<string, number> {
  const cache = join(root, 'dist/cache');
  const names = existsSync(cache) ? readdirSync(cache).filter((name) => name.startsWith('main-')) : [];
  return Object.fromEntries(names.map((name) => [name, statSync(join(cache, name)).mtimeMs]));
}

function vlb(root: string, command: string, status = 0): void {
  const ran = run(join(root, 'bin/vlb'), [command], { STATUS: String(status) });
  assert.deepEqual([ran.status, JSON.parse(ran.stdout).hello, ran.stderr], [status, 'first', '']);
}

test('compiled code is kept beside a bundle of its own, for each command that ended well, and used', () => {
  const root = checkout();
  vlb(root, 'build', 1);
  assert.deepEqual(kept(root), {});
  for (const command of ['build', 'ls', '-C']) vlb(root, command);
  const first = kept(root);
  assert.match(Object.keys(first).sort().join(' '), /^main-\S+-build main-\S+-ls main-\S+-other$/);
  vlb(root, 'build');
  assert.deepEqual(kept(root), first);
});

test('compiled code that is damaged is not used, and made again', () => {
  const root = checkout();
  vlb(root, 'build');
  const [name = ''] = Object.keys(kept(root));
  const file = join(root, 'dist/cache', name);
  const whole = readFileSync(file);
  const half = Buffer.from(whole);
  half.fill(0, whole.length >> 1);
  for (const bytes of [half, whole.subarray(0, -100), Buffer.alloc(0)]) {
    writeFileSync(file, bytes);
    vlb(root, 'build');
    assert.equal(readFileSync(file).length, whole.length);
    assert.notDeepEqual(readFileSync(file), bytes);
  }
});

test('compiled code of which others could have written is not used', () => {
  const root = checkout();
  vlb(root, 'build');
  const [name = ''] = Object.keys(kept(root));
  const file = join(root, 'dist/cache', name);
  // Of another program of the same length: V8 would take it, and run it.
  const mark = readFileSync(file);
  for (const [place, mode] of [
    [file, 0o666],
    [join(root, 'dist/cache'), 0o777],
  ] as const) {
    writeFileSync(file, mark);
    chmodSync(place, mode);
    utimesSync(file, 1, 1);
    vlb(root, 'build');
    const isLeft = existsSync(file) && statSync(file).mtimeMs === 1000;
    assert.equal(isLeft, place !== file, 'one is made anew, and in such a directory nothing is');
    chmodSync(place, mode & 0o700);
  }
});

test('compiled code is not kept in a place that XDG_CACHE_HOME names relative to anywhere', () => {
  const root = checkout();
  run(join(root, 'bin/vlb'), ['build'], { STATUS: '1' });
  rmSync(join(root, 'dist/cache'), { recursive: true, force: true });
  chmodSync(join(root, 'dist'), 0o777);
  const elsewhere = join(root, 'else');
  mkdirSync(elsewhere);
  const env = { XDG_CACHE_HOME: 'relative', HOME: join(root, 'home') };
  assert.equal(run(join(root, 'bin/vlb'), ['build'], env, elsewhere).status, 0);
  assert.deepEqual(readdirSync(elsewhere), []);
  assert.deepEqual(kept(root), {});
  assert.ok(readdirSync(join(root, 'home/.cache/vlb/compiled')).some((name) => name.startsWith('main-')));
});

test('compiled code goes when it is a month old and another is made', () => {
  const root = checkout();
  vlb(root, 'build');
  const old = join(root, 'dist/cache/main-OLD-v1-build');
  writeFileSync(old, '');
  utimesSync(old, new Date(), new Date(Date.now() - 40 * 24 * 3600 * 1000));
  vlb(root, 'build');
  assert.ok(existsSync(old));
  vlb(root, 'ls');
  assert.ok(!existsSync(old));
  assert.equal(Object.keys(kept(root)).length, 2);
});

test('compiled code that cannot be kept is no reason to fail', {
  skip: isRoot && 'root may write anywhere',
}, () => {
  const root = checkout();
  vlb(root, 'build', 1);
  chmodSync(join(root, 'dist'), 0o555);
  vlb(root, 'build');
  assert.deepEqual(kept(root), {});
});
