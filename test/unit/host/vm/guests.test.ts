// Which runs share a guest: only those that depend on all that ran in it before.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import type { Guest } from '../../../../src/host/vm/guest.ts';
import { Guests } from '../../../../src/host/vm/guests.ts';
import type { Key } from '../../../../src/model/artifact.ts';
import { ok } from '../../../../src/model/failure.ts';
import { Tree } from '../../../rig/tree.ts';

const GIBIBYTE = 2 ** 30;

/** Guests that only count, on a machine with so much memory. */
function guestsOn(memory: number) {
  const tree = new Tree();
  const running = new Set<string>();
  const started: boolean[] = [];
  const start = async (directory: string, options: { readonly hasHostTools?: boolean | undefined } = {}) => {
    running.add(directory);
    started.push(options.hasHostTools ?? false);
    // The pool uses nothing else of a guest.
    const guest = {
      get hasEnded() {
        return !running.has(directory);
      },
      [Symbol.asyncDispose]: async () => void running.delete(directory),
    };
    return ok(guest as unknown as Guest);
  };
  const guests = new Guests({}, start, memory);
  let runs = 0;
  // A key is any text here.
  const take = (key: string | undefined, below: readonly string[] = [], usesHostTools = false) =>
    guests.take(tree.path(`run${runs++}`), {
      key: key as Key | undefined,
      below: below as readonly Key[],
      usesHostTools,
    });
  /** Takes a guest, and leaves it at once. Returns the guest. */
  const visit = async (...args: Parameters<typeof take>) => {
    const taken = await take(...args);
    assert.ok(taken.guest.ok);
    taken.leave();
    return taken.guest.value;
  };
  const end = async () => {
    await guests.close();
    tree[Symbol.dispose]();
  };
  return { guests, tree, running, started, take, visit, [Symbol.asyncDispose]: end };
}

test('a chain of layers shares a guest, and a branch does not', async () => {
  await using pool = guestsOn(64 * GIBIBYTE);
  const { guests, running, visit } = pool;
  const first = await visit('a');
  assert.equal(await visit('b', ['a']), first);
  assert.equal(await visit('c', ['a', 'b']), first);
  const branch = await visit('d', ['a']);
  assert.notEqual(branch, first, 'b could have taken it over, and d is not based on it');
  assert.equal(await visit('e', ['a', 'd']), branch);
  assert.equal(await visit('f', ['a', 'b', 'c', 'd', 'e']), first, 'what it mounts counts too');
  await guests.close();
  assert.equal(running.size, 0);
});

test('two runs at the same time never share a guest', async () => {
  await using pool = guestsOn(64 * GIBIBYTE);
  const { guests, tree, take } = pool;
  const [one, two] = await Promise.all([take('a'), take('b', ['a'])]);
  assert.ok(one.guest.ok && two.guest.ok);
  assert.notEqual(one.guest.value, two.guest.value);
  one.leave();
  two.leave();
  await guests.close();
  assert.equal(existsSync(tree.path('run0-vm')) || existsSync(tree.path('run1-vm')), false);
});

test('a run without a key shares its guest with nothing', async () => {
  await using pool = guestsOn(64 * GIBIBYTE);
  const { guests, running, visit } = pool;
  const first = await visit('a');
  assert.notEqual(await visit(undefined, ['a']), first);
  assert.notEqual(await visit('b', []), first);
  assert.equal(running.size <= 2, true);
  await guests.close();
});

test('programs of the host are in guests for those that use them, and for what depends on these', async () => {
  await using pool = guestsOn(64 * GIBIBYTE);
  const { guests, started, visit } = pool;
  const first = await visit('a');
  const second = await visit('b', ['a'], true);
  assert.notEqual(second, first);
  assert.deepEqual(started, [false, true]);
  assert.equal(await visit('c', ['a', 'b']), second);
  await guests.close();
});

test('guests take half of the memory: others are ended, or waited for', { timeout: 10_000 }, async () => {
  await using pool = guestsOn(8 * GIBIBYTE);
  const { guests, running, take, visit } = pool;
  await visit('a');
  await visit('b');
  await visit('c');
  assert.equal(running.size, 2);
  const [d, e] = [await take('d'), await take('e')];
  let isTaken = false;
  const waiting = take('f').then((taken) => {
    isTaken = true;
    return taken;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(isTaken, false);
  d.leave();
  (await waiting).leave();
  e.leave();
  await guests.close();
  assert.equal(running.size, 0);
});

test('whoever waits is told when the guests are ended', { timeout: 10_000 }, async () => {
  await using pool = guestsOn(GIBIBYTE);
  const { guests, take } = pool;
  const one = await take('a');
  const waiting = take('b');
  await guests.close();
  const { guest } = await waiting;
  assert.ok(!guest.ok && guest.failure.kind === 'interrupted');
  one.leave();
});

test('a guest that has ended is replaced', async () => {
  await using pool = guestsOn(64 * GIBIBYTE);
  const { guests, running, visit } = pool;
  const first = await visit('a');
  running.clear();
  assert.notEqual(await visit('b', ['a']), first);
  await guests.close();
});
