// What a bucket that is over its limits gives up: the order, what is never given up, and what is left alone for a day.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Digest } from '../../../../src/model/artifact.ts';
import type { CacheLimits } from '../../../../src/model/ports/store-upkeep.ts';
import { keyOf } from '../../../../src/model/recipe.ts';
import { artifactName, recordName, TRUSTED } from '../../../../src/shared-cache/bucket/layout.ts';
import {
  neededBy,
  type SharedInventory,
  type SharedRecord,
  selectShared,
} from '../../../../src/shared-cache/upkeep/selection.ts';
import { digestOf } from '../../../rig/tree.ts';

const DAY = 86_400_000;
const NOW = 1_000 * DAY;

/** Artifacts of ten bytes each, by one letter, with their records. */
interface Known {
  readonly on?: string;
  readonly mounts?: string;
  /** Since artifact and record were pushed, in days. */
  readonly age: number;
  /** `none`: only the artifact is there. `lost`: only the record. `bad`: no record is in its object. */
  readonly record?: 'none' | 'lost' | 'bad';
}

/** Names are `a`, or in another scope `untrusted/x:a`. */
type World = Readonly<Record<string, Known>>;

function inventoryOf(world: World): SharedInventory {
  const artifacts = new Map();
  const records: SharedRecord[] = [];
  for (const [name, { on, mounts = '', age, record }] of Object.entries(world)) {
    const [scope, letter] = placeOf(name);
    const [digest, modified] = [digestOf(letter), NOW - age * DAY];
    const object = artifactName(scope, digest);
    if (record !== 'lost') artifacts.set(object, { name: object, scope, digest, bytes: 10, modified });
    if (record === 'none') continue;
    const key = keyOf(letter);
    const parent = on === undefined ? undefined : digestOf(on);
    const needed = [...(on === undefined ? '' : on), ...mounts].map(digestOf);
    const content = { layer: letter, created: '', digest, further: [], backing: parent, needed };
    records.push({
      name: recordName(scope, key),
      scope,
      key,
      bytes: 1,
      modified,
      content: record === 'bad' ? undefined : content,
    });
  }
  return { artifacts, records };
}

function placeOf(name: string): [scope: string, letter: string] {
  const [scope = '', letter] = name.split(':');
  return letter === undefined ? [TRUSTED, name] : [scope, letter];
}

/** `b a` for artifacts and their records, and behind a slash the records that go by themselves. */
function choose(world: World, limits: Partial<CacheLimits> = {}): string {
  const inventory = inventoryOf(world);
  const chosen = selectShared(inventory, { maxBytes: undefined, maxAge: undefined, ...limits }, NOW);
  const nameOf = (object: string) =>
    Object.keys(world).find((name) => {
      const [scope, letter] = placeOf(name);
      return [artifactName(scope, digestOf(letter)), recordName(scope, keyOf(letter))].includes(object);
    });
  const artifacts = chosen.artifacts.map(({ name }) => nameOf(name));
  const records = chosen.records.map(({ name }) => nameOf(name));
  const recorded = artifacts.filter((name) => world[name ?? '']?.record === undefined);
  assert.deepEqual(records, recorded, 'the records of what goes, in the same order');
  const lost = chosen.lost.map(({ name }) => nameOf(name));
  return [...artifacts, ...(lost.length > 0 ? ['/', ...lost] : [])].join(' ');
}

const days = (count: number) => ({ maxAge: count * 86_400 });

const CHAIN: World = {
  a: { age: 10 },
  b: { on: 'a', age: 5 },
  c: { on: 'b', age: 2 },
  d: { on: 'a', age: 7 },
};

describe('limits', () => {
  for (const [what, world, limits, expected] of [
    ['none', CHAIN, {}, ''],
    ['what was pushed last stays', CHAIN, { maxBytes: 35 }, 'd'],
    ['with all that it stands on', CHAIN, { maxBytes: 15 }, 'd c b'],
    ['nothing', CHAIN, { maxBytes: 0 }, 'd c b a'],
    ['age: what is older', CHAIN, days(6), 'd'],
    ['age: the old parent of something young stays', CHAIN, days(4), 'd'],
    ['age: all of it', CHAIN, days(1), 'd c b a'],
    [
      'a layer that one looked into stays as long as that one',
      { a: { age: 9 }, e: { age: 8 }, b: { on: 'a', mounts: 'e', age: 1 }, f: { age: 8 } },
      days(5),
      'f',
    ],
  ] as const) {
    test(what, () => assert.equal(choose(world, limits), expected));
  }
});

describe('what is of no use', () => {
  for (const [what, world, expected] of [
    ['an artifact without a record, after a day', { a: { age: 1.1, record: 'none' } }, 'a'],
    ['not before: its record may be on its way', { a: { age: 0.9, record: 'none' } }, ''],
    ['what stands on something that is gone', { b: { on: 'a', age: 1.1 } }, 'b'],
    ['not before: a long list may have missed it', { b: { on: 'a', age: 0.9 } }, ''],
    ['a record without an artifact', { a: { age: 1.1, record: 'lost' } }, '/ a'],
    ['not before', { a: { age: 0.9, record: 'lost' } }, ''],
    ['a record that is none, and so its artifact', { a: { age: 1.1, record: 'bad' } }, 'a / a'],
    ['not before: a machine with another vlb may have written it', { a: { age: 0.9, record: 'bad' } }, ''],
  ] as const) {
    test(what, () => assert.equal(choose(world), expected));
  }

  test('what waits for its record is spared by limits too, with what it is known to need', () => {
    const world: World = { a: { age: 9 }, b: { on: 'f', mounts: 'a', age: 0.1 }, c: { age: 9 } };
    assert.equal(choose(world, { maxBytes: 0 }), 'c');
  });
});

describe('scopes', () => {
  const world: World = {
    a: { age: 10 },
    b: { on: 'a', age: 9 },
    'untrusted/x:c': { on: 'a', age: 1 },
    'untrusted/x:d': { on: 'c', age: 0.5 },
    'untrusted/y:c': { on: 'a', age: 0.1 },
  };
  for (const [what, limits, expected] of [
    [
      'what untrusted builds wrote goes first, however young',
      { maxBytes: 25 },
      'untrusted/x:d untrusted/x:c untrusted/y:c',
    ],
    ['and no more of it than is needed', { maxBytes: 45 }, 'untrusted/x:d'],
    ['then the others', { maxBytes: 15 }, 'untrusted/x:d untrusted/x:c untrusted/y:c b'],
    ['age is the same for all', days(5), 'b'],
  ] as const) {
    test(what, () => assert.equal(choose(world, limits), expected));
  }

  test('of two copies of a parent, neither goes before the child', () => {
    const two: World = {
      a: { age: 10 },
      'untrusted/x:a': { age: 10 },
      'untrusted/x:b': { on: 'a', age: 1 },
      'untrusted/y:a': { age: 10 },
    };
    assert.equal(choose(two, days(5)), 'untrusted/y:a');
  });
});

test('what records need is what they name, and all below it', () => {
  const inventory = inventoryOf({ ...CHAIN, e: { age: 1 } });
  const [b] = inventory.records.filter(({ content }) => content?.layer === 'b');
  assert.ok(b?.content);
  const written = { ...b, content: { ...b.content, needed: [digestOf('e')] } };
  const needed = neededBy([written], inventory);
  assert.deepEqual(
    [...needed].sort(),
    ['a', 'b', 'e'].map((letter) => artifactName(TRUSTED, digestOf(letter))).sort(),
  );
});

test('a scope that somebody filled with records is kept like any other', () => {
  const scope = 'untrusted/x';
  const [one, two] = [digestOf('1'), digestOf('2')];
  const about = { scope, bytes: 10, modified: NOW - DAY };
  const artifacts = new Map(
    [one, two].map((digest) => [
      artifactName(scope, digest),
      { ...about, name: artifactName(scope, digest), digest },
    ]),
  );
  const content = { layer: 'x', created: '', further: [], backing: undefined };
  const many = Array.from({ length: 200_000 }, (_, count): SharedRecord => {
    const key = keyOf(String(count));
    const needed = [key as string as Digest]; // of the same form, and another for each
    return { ...about, name: recordName(scope, key), key, content: { ...content, digest: one, needed } };
  });
  const chosen = selectShared({ artifacts, records: many }, { maxBytes: 0, maxAge: undefined }, NOW);
  assert.equal(chosen.artifacts.length, artifacts.size);
  assert.equal(chosen.records.length, many.length);
});
