// Recipes as text: what was written is read, whatever the names in it; and any text can be read.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Manifest,
  type ManifestEntry,
  manifestText,
  parseManifest,
} from '../../../src/model/manifest.ts';
import { mountedIn, parentIn, parseRecipe, type Recipe, recipeText } from '../../../src/model/recipe.ts';
import { digestOf } from '../../rig/tree.ts';

/** Numbers that look random, the same in each run. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_103_515_245) + 12_345) >>> 0;
    return (this.#state >>> 8) % limit;
  }

  pick<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    assert.ok(value !== undefined);
    return value;
  }

  list<T>(make: () => T): T[] {
    return Array.from({ length: this.below(4) }, make);
  }
}

/** Pieces of names that break what is careless. */
const PIECES = [
  'a',
  '/',
  ' ',
  '"',
  '\\',
  '\n',
  'é',
  '\u2028',
  '\udc80',
  '=',
  'file x 00 "./x"',
  'parent scratch',
  '🖴',
];

function randomText(dice: Dice): string {
  return `x${dice.list(() => dice.pick(PIECES)).join('')}`;
}

function randomEntry(dice: Dice): ManifestEntry {
  const path = randomText(dice);
  return dice.pick<ManifestEntry>([
    { type: 'file', path, executable: dice.below(2) === 1, hash: dice.below(2 ** 24).toString(16) },
    { type: 'link', path, target: randomText(dice) },
    { type: 'directory', path },
  ]);
}

function randomRecipe(dice: Dice): Recipe {
  const digest = () => digestOf(dice.below(16).toString(16));
  return {
    schema: '1',
    kind: dice.pick(['build-layer', 'modify-disk', 'steps']),
    ...(dice.below(4) > 0 ? { platform: { architecture: dice.pick(['x64', 'arm64']), os: 'linux' } } : {}),
    ...(dice.below(4) > 0 ? { parent: dice.pick([digest(), 'scratch', 'not-built-yet']) } : {}),
    mounts: dice.list(() => ({ digest: digest(), target: randomText(dice) })),
    settings: [
      { name: 'disk-size', value: dice.pick(['-', '1024']) },
      ...dice.list(() => ({ name: 'param', of: `P${dice.below(9)}`, value: randomText(dice) })),
      ...dice.list(() => ({ name: 'chroot-mount', of: randomText(dice), value: `p${dice.below(9)}` })),
      ...dice.list(() => ({ name: 'content', value: `xxh64:${dice.below(99)} sha256:-` })),
    ],
    manifest: manifestText(dice.list(() => randomEntry(dice))),
  };
}

test('what was written is read, and written again as it was', () => {
  for (let seed = 0; seed < 2000; seed++) {
    const recipe = randomRecipe(new Dice(seed));
    const text = recipeText(recipe);
    assert.deepEqual(parseRecipe(text), recipe, `seed ${seed}`);
    assert.equal(recipeText(parseRecipe(text)), text, `seed ${seed}`);
  }
});

test('a manifest is read as it was written', () => {
  for (let seed = 0; seed < 500; seed++) {
    const dice = new Dice(seed);
    const manifest: Manifest = dice.list(() => randomEntry(dice));
    assert.deepEqual(parseManifest(manifestText(manifest)), manifest, `seed ${seed}`);
  }
});

test('two recipes that differ have texts that differ', () => {
  const texts = new Map<string, Recipe>();
  for (let seed = 0; seed < 2000; seed++) {
    const recipe = randomRecipe(new Dice(seed));
    const text = recipeText(recipe);
    assert.deepEqual(texts.get(text) ?? recipe, recipe);
    texts.set(text, recipe);
  }
});

describe('any text can be read', () => {
  const nothing = { mounts: [], settings: [], manifest: '' };
  for (const [text, recipe] of [
    ['', nothing],
    ['\n\nword\n', nothing],
    ['x'.repeat(100_000), nothing],
    [
      'kind later\nfuture "thing"\n',
      { ...nothing, kind: 'later', settings: [{ name: 'future', value: '"thing"' }] },
    ],
    ['param "no equals"', { ...nothing, settings: [{ name: 'param', value: '"no equals"' }] }],
    ['mount x "\\x"', { ...nothing, settings: [{ name: 'mount', value: 'x "\\x"' }] }],
    ['parent a\nparent b', { ...nothing, parent: 'a' }],
    [
      'parent a\ndirectory "./d"\nparent b',
      { ...nothing, parent: 'a', manifest: 'directory "./d"\nparent b' },
    ],
  ] satisfies [string, Recipe][]) {
    test(JSON.stringify(text.slice(0, 40)), () => assert.deepEqual(parseRecipe(text), recipe));
  }

  test('cut off anywhere', () => {
    const text = recipeText(randomRecipe(new Dice(7)));
    for (let length = 0; length < text.length; length++)
      parseManifest(parseRecipe(text.slice(0, length)).manifest);
  });
});

test('parents and mounts are digests or not there at all', () => {
  const [a, b] = [digestOf('a'), digestOf('b')];
  const text = `parent ${a}\nmount ${b} "/x"\nmount not-built-yet "/y"\nmount ${a.toUpperCase()} "/z"\n`;
  assert.equal(parentIn(text), a);
  assert.deepEqual(mountedIn(text), [b]);
  for (const other of ['', 'parent scratch', `parent ${a}0`, `directory "./d"\nparent ${a}`]) {
    assert.equal(parentIn(other), undefined);
  }
});
