// Locks: held by one, left by the dead, and in whatever state a crash, a full disk or another version left them.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Lease } from '../../../../src/store/locks/lease.ts';
import { dropDeadLock, takeLock } from '../../../../src/store/locks/lock.ts';
import { Tree } from '../../../rig/tree.ts';

const isAlive = (owner: string) => owner.startsWith('1-');

function take(tree: Tree, signal: AbortSignal, onWait: (owner: string) => void = () => {}) {
  return takeLock({ file: tree.path('locks/one'), owner: '1-1.a', isAlive, onWait, signal });
}

/** Aborts soon: whoever would wait for ever gets nothing. */
const soon = () => AbortSignal.timeout(500);

describe('locks', () => {
  for (const [what, text] of [
    ['of a dead process', '2-2.b'],
    ['that a power cut made empty', ''],
    ['of another version, with nothing that is known', '{"owner":"somebody"}'],
  ] as const) {
    test(`a lock ${what} is nobody's`, async () => {
      using tree = new Tree({ 'locks/one': text });
      using lock = await take(tree, soon());
      assert.ok(lock);
      assert.equal(tree.read('locks/one'), '1-1.a');
      assert.deepEqual(readdirSync(tree.path('locks')), ['one']);
    });
  }

  test("one who died while removing the lock of the dead is in nobody's way", async () => {
    using tree = new Tree({ 'locks/one': '2-2.b', 'locks/one.breaking': '3-3.c' });
    using lock = await take(tree, soon());
    assert.ok(lock);
    assert.deepEqual(readdirSync(tree.path('locks')), ['one']);
  });

  test('the lock of a living process is waited for, and is not dropped', async () => {
    using tree = new Tree({ 'locks/one': '1-9.z' });
    const waited: string[] = [];
    assert.equal(await take(tree, soon(), (owner) => void waited.push(owner)), undefined);
    assert.deepEqual(waited, ['1-9.z']);
    dropDeadLock(tree.path('locks/one'), '1-1.a', isAlive);
    assert.equal(tree.read('locks/one'), '1-9.z');
    assert.deepEqual(readdirSync(tree.path('locks')), ['one']);
  });

  test('something that cannot be read in the place of a lock is told, and not waited for for ever', async () => {
    using tree = new Tree();
    mkdirSync(tree.path('locks/one'), { recursive: true });
    await assert.rejects(take(tree, soon()), { code: 'EISDIR' });
    assert.deepEqual(readdirSync(tree.path('locks')), ['one']);
  });

  test('a lock that is let go is gone', async () => {
    using tree = new Tree();
    const lock = await take(tree, soon());
    assert.equal(existsSync(tree.path('locks/one')), true);
    lock?.[Symbol.dispose]();
    assert.deepEqual(readdirSync(tree.path('locks')), []);
  });
});

describe('between PID namespaces', () => {
  /** Whether the owner of a file elsewhere is alive: by its ctime, as `ownerIsAlive` of src/host/process/owner.ts. */
  const isFresh = (owner: string, file = '', within = 0) =>
    owner === '1-1.a' || Date.now() - statSync(file).ctimeMs < within;

  test('a fresh lock is waited for', async () => {
    using tree = new Tree({ 'locks/one': '9-9.z-n1' });
    const options = { file: tree.path('locks/one'), owner: '1-1.a', isAlive: isFresh };
    const waited: string[] = [];
    const lock = await takeLock({ ...options, onWait: (owner) => waited.push(owner), signal: soon() });
    assert.deepEqual([lock, waited], [undefined, ['9-9.z-n1']]);
  });

  test('who waits in this process gets it before who comes later', async () => {
    using tree = new Tree();
    const got: string[] = [];
    const never = new AbortController().signal;
    const first = await take(tree, never);
    const waiting = ['second', 'third'].map(async (name) => {
      using _lock = await take(tree, never);
      got.push(name);
    });
    const hasGivenUp = take(tree, AbortSignal.timeout(50));
    assert.equal(await hasGivenUp, undefined);
    first?.[Symbol.dispose]();
    using _late = await take(tree, never);
    assert.deepEqual(got, ['second', 'third']);
    await Promise.all(waiting);
  });

  test('a lock and a lease are touched while they are held', async (context) => {
    using tree = new Tree();
    context.mock.timers.enable({ apis: ['setInterval'] });
    const lease = new Lease(tree.path('leases'), '1-1.a');
    lease.add(['x.qcow2']);
    const lock = await take(tree, soon());
    const files = [tree.path('locks/one'), tree.path('leases/1-1.a')];
    for (const file of files) utimesSync(file, 1, 1);
    context.mock.timers.tick(60_000);
    for (const file of files) assert.ok(Date.now() - statSync(file).mtimeMs < 60_000, file);
    lock?.[Symbol.dispose]();
    lease.release();
    assert.deepEqual([existsSync(files[0] ?? ''), existsSync(files[1] ?? '')], [false, false]);
    context.mock.timers.tick(60_000);
  });

  test('one that was taken over in the meantime is neither touched nor removed', async (context) => {
    using tree = new Tree();
    context.mock.timers.enable({ apis: ['setInterval'] });
    const lock = await take(tree, soon());
    tree.write({ 'locks/one': '9-9.z-n1' });
    utimesSync(tree.path('locks/one'), 1, 1);
    context.mock.timers.tick(60_000);
    lock?.[Symbol.dispose]();
    assert.equal(tree.read('locks/one'), '9-9.z-n1');
    assert.equal(statSync(tree.path('locks/one')).mtimeMs, 1000);
  });
});
