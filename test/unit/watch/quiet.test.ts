// Quiet: after the last change, and not before git has let go.

import assert from 'node:assert/strict';
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { indexLock } from '../../../src/watch/git.ts';
import { createQuiet } from '../../../src/watch/quiet.ts';
import { Tree } from '../../rig/tree.ts';

describe('quiet', { concurrency: true }, () => {
  test('it is quiet once nothing came for a while', async () => {
    let times = 0;
    const quiet = createQuiet(undefined, () => times++);
    for (let n = 0; n < 6; n++) {
      quiet.await();
      await sleep(40);
      assert.equal(times, 0);
    }
    await sleep(300);
    assert.equal(times, 1);
    quiet.await();
    quiet.close();
    await sleep(300);
    assert.equal(times, 1);
  });

  test('not while git has its index locked; a lock that was forgotten is none', async () => {
    using tree = new Tree({ '.git/index.lock': '' });
    const lock = path.join(tree.directory, '.git/index.lock');
    let times = 0;
    const quiet = createQuiet(lock, () => times++);
    quiet.await();
    await sleep(400);
    assert.equal(times, 0);
    rmSync(lock);
    await sleep(300);
    assert.equal(times, 1);
    writeFileSync(lock, '');
    utimesSync(lock, 1000, 1000);
    quiet.await();
    await sleep(300);
    assert.equal(times, 2);
  });

  test("git's lock is that of the working tree", () => {
    using tree = new Tree({ 'repository/.git/HEAD': '', 'repository/sub/project/file': '' });
    const at = (...names: string[]) => path.join(tree.directory, ...names);
    assert.equal(indexLock(at('repository/sub/project')), at('repository/.git/index.lock'));
    mkdirSync(at('worktree'));
    writeFileSync(at('worktree/.git'), 'gitdir: ../repository/.git/worktrees/one\n');
    assert.equal(indexLock(at('worktree')), at('repository/.git/worktrees/one/index.lock'));
  });
});
