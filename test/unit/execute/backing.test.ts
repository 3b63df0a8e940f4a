import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesToTakeIn } from '../../../src/execute/backing.ts';

const MIB = 2 ** 20;

/** The sizes of a chain's files from the topmost down, after `count` layers of one size on a base. */
function grow(count: number, own: number, base = 500 * MIB): { chain: number[]; copied: number } {
  let [chain, copied] = [[base], 0];
  for (let layer = 0; layer < count; layer++) {
    const taken = filesToTakeIn(chain, own);
    const bytes = chain.slice(0, taken).reduce((sum, one) => sum + one, own);
    if (taken > 0) copied += bytes;
    chain = [bytes, ...chain.slice(taken)];
  }
  return { chain, copied };
}

test('a short chain stays as it is', () => {
  assert.equal(grow(11, 3 * MIB).chain.length, 12);
  assert.equal(grow(11, 3 * MIB).copied, 0);
});

test('a long one is shortened, whatever the number of layers, and the base stays', () => {
  for (const count of [12, 50, 250, 1000]) {
    const { chain } = grow(count, MIB);
    assert.ok(chain.length <= 12, `${count}: ${chain.length}`);
    assert.equal(chain.at(-1), 500 * MIB);
  }
});

test('bytes are copied a few times, not once for each layer', () => {
  const { copied } = grow(250, MIB);
  assert.ok(copied < 5 * 250 * MIB, String(copied / MIB));
});

test('large files stay, and what is small above them is taken together', () => {
  const large = Array.from({ length: 15 }, () => 900 * MIB);
  assert.equal(filesToTakeIn(large, MIB), 0);
  const small = Array.from({ length: 6 }, () => 2 * MIB);
  assert.equal(filesToTakeIn([...small, ...large], MIB), 6);
  assert.equal(filesToTakeIn([...small.slice(1), ...large], MIB), 0);
});

test('a store with a chain of an earlier version gets a short one with the next layer', () => {
  assert.equal(filesToTakeIn([...Array.from({ length: 200 }, () => MIB), 500 * MIB], MIB), 200);
});
