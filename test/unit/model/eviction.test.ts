// What a store over its limits gives up: the order, and what is never given up.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Candidate, selectForEviction } from '../../../src/model/eviction.ts';
import type { CacheLimits } from '../../../src/model/ports/store-upkeep.ts';

const NOW = 1_000_000_000;
const NO_LIMITS: CacheLimits = { maxBytes: undefined, maxAge: undefined };

/** Candidates of ten bytes each, by name; `age` in seconds, null for what no record names. */
type World = Readonly<Record<string, { on?: string; mounts?: readonly string[]; age: number | null }>>;

function choose(
  world: World,
  limits: Partial<CacheLimits>,
  inUse: readonly string[] = [],
  other = 0,
): string {
  const candidates = new Map(
    Object.entries(world).map(([name, { on, mounts = [], age }]): [string, Candidate] => [
      name,
      {
        name,
        bytes: 10,
        lastUsed: age === null ? undefined : NOW - age * 1000,
        backing: on,
        needs: [...(on === undefined ? [] : [on]), ...mounts],
      },
    ]),
  );
  const victims = selectForEviction(candidates, new Set(inUse), { ...NO_LIMITS, ...limits }, other, NOW);
  return victims.join(' ');
}

const CHAIN: World = {
  a: { age: 100 },
  b: { on: 'a', age: 50 },
  c: { on: 'b', age: 50 },
  x: { on: 'a', age: 70 },
};

describe('by size', () => {
  for (const [what, bytes, expected] of [
    ['all fits, to the byte', 40, ''],
    ['the least recently used goes', 39, 'x'],
    ['then what is used next, from its leaf', 29, 'x c'],
    ['a parent goes with its last child, though it is older', 19, 'x c b'],
    ['nothing is left', 0, 'x c b a'],
  ] as const) {
    test(what, () => assert.equal(choose(CHAIN, { maxBytes: bytes }), expected));
  }

  test('what else takes room counts', () => {
    assert.equal(choose(CHAIN, { maxBytes: 60 }, [], 30), 'x');
  });

  test('what is in use stays, and more of the others goes', () => {
    assert.equal(choose(CHAIN, { maxBytes: 25 }, ['a', 'x']), 'c b');
    assert.equal(choose(CHAIN, { maxBytes: 0 }, ['a', 'b', 'c', 'x']), '');
  });
});

describe('by age', () => {
  test('a parent is as young as its youngest child', () => {
    assert.equal(choose(CHAIN, { maxAge: 60 }), 'x');
    assert.equal(choose(CHAIN, { maxAge: 50 }), 'x');
    assert.equal(choose(CHAIN, { maxAge: 49 }), 'x c b a');
  });

  test('what was looked into is as young as what looked into it', () => {
    const world: World = { a: { age: 90 }, b: { age: 10, mounts: ['a', 'gone'] } };
    assert.equal(choose(world, { maxAge: 50 }), '');
    assert.equal(choose(world, { maxAge: 5 }), 'b a');
  });

  test('a time in the future is young', () => {
    assert.equal(choose({ a: { age: -1000 } }, { maxAge: 50 }), '');
  });
});

describe('what is of no use goes without any limit', () => {
  test('what no record names, unless something that is used needs it', () => {
    assert.equal(choose({ a: { age: null }, b: { age: 1 } }, {}), 'a');
    assert.equal(choose({ a: { age: null }, b: { on: 'a', age: 1 } }, {}), '');
    assert.equal(choose({ a: { age: null }, b: { on: 'a', age: null } }, {}), 'b a');
    assert.equal(choose({ a: { age: null } }, {}, ['a']), '');
  });

  test('what stands on what is gone, with all that stands on it', () => {
    assert.equal(choose({ b: { on: 'a', age: 1 }, c: { on: 'b', age: 1 }, d: { age: 1 } }, {}), 'c b');
  });

  test('what stands on itself', () => {
    assert.equal(choose({ a: { on: 'a', age: 1 } }, {}), 'a');
    assert.equal(choose({ a: { on: 'b', age: 1 }, b: { on: 'a', age: 1 } }, {}).split(' ').length, 2);
  });
});

test('a long chain is no burden', () => {
  const names = Array.from({ length: 3000 }, (_, index) => `l${index}`);
  const world = Object.fromEntries(
    names.map((name, index) => [
      name,
      { age: 3000 - index, ...(index === 0 ? {} : { on: `l${index - 1}` }) },
    ]),
  );
  const begun = performance.now();
  assert.equal(choose(world, { maxBytes: 29_990 }), 'l2999');
  assert.ok(performance.now() - begun < 5000);
});
