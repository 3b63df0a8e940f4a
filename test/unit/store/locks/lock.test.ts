// Locks: held by one, left by the dead, and in whatever state a crash, a full disk or another version left them.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
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
