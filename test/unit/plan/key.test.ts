// The law of keys: they change with everything that a build depends on, and with nothing else.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { baseRecipe } from '../../../src/kinds/base/content.ts';
import type { Artifact } from '../../../src/model/artifact.ts';
import { type Manifest, manifestText } from '../../../src/model/manifest.ts';
import type { Hints, Layer } from '../../../src/model/project.ts';
import { keyOf } from '../../../src/model/recipe.ts';
import { layerRecipe } from '../../../src/plan/key.ts';
import { artifactOf, digestOf, layerOf } from '../../rig/tree.ts';

const MANIFEST: Manifest = [
  { type: 'file', path: './build-layer', executable: true, hash: '0123456789abcdef' },
  { type: 'directory', path: './d' },
  { type: 'link', path: './link', target: 'd' },
];
const PARENT = artifactOf(digestOf('a'));
const HINTS: Partial<Hints> = {
  diskSize: 1024,
  rootPartition: 1,
  partitionMounts: [
    { partition: 2, target: '/boot' },
    { partition: 3, target: '/srv' },
  ],
};

interface Changes {
  readonly layer?: Partial<Omit<Layer, 'hints'>>;
  readonly hints?: Partial<Hints>;
  readonly manifest?: Manifest;
  readonly parent?: Artifact | undefined;
}

function keyWith(changes: Changes = {}) {
  const layer = layerOf('20_app', { ...changes.layer, hints: { ...HINTS, ...changes.hints } });
  const parent = 'parent' in changes ? changes.parent : PARENT;
  return keyOf(layerRecipe(layer, manifestText(changes.manifest ?? MANIFEST), { parent, mounts: [] }));
}

const KEY = keyWith();

test('a key is 64 hexadecimal digits, and the same every time', () => {
  assert.match(KEY, /^[0-9a-f]{64}$/);
  assert.equal(keyWith(), KEY);
});

test('the key is the SHA-256 of the recipe', () => {
  assert.equal(keyOf('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

describe('the key changes with', () => {
  const [script, directory, link] = MANIFEST;
  assert.ok(script?.type === 'file' && directory && link?.type === 'link');
  const changes: Readonly<Record<string, Changes>> = {
    'the bytes of the parent': { parent: artifactOf(digestOf('b')) },
    'having a parent': { parent: undefined },
    'the kind of script': { layer: { kind: 'modify-disk' } },
    'the content of an input': { manifest: [{ ...script, hash: '0123456789abcdee' }, directory, link] },
    'the executable bit of an input': { manifest: [{ ...script, executable: false }, directory, link] },
    'the name of an input': { manifest: [{ ...script, path: './modify-disk' }, directory, link] },
    'where a link leads': { manifest: [script, directory, { ...link, target: './d' }] },
    'a directory less': { manifest: [script, link] },
    'no inputs at all': { manifest: [] },
    'the disk size': { hints: { diskSize: 2048 } },
    'the root partition': { hints: { rootPartition: 2 } },
    'the host name': { hints: { hostname: 'web' } },
    'which partition is mounted': { hints: { partitionMounts: [{ partition: 4, target: '/boot' }] } },
    'the size of sectors': { hints: { sectorSize: 4096 } },
    'which subvolume is mounted': {
      hints: { partitionMounts: [{ partition: 2, subvolume: '@boot', target: '/boot' }] },
    },
    'where a partition is mounted': { hints: { partitionMounts: [{ partition: 2, target: '/srv' }] } },
    'the order of mounts': { hints: { partitionMounts: HINTS.partitionMounts?.toReversed() ?? [] } },
    'the architecture': { layer: { platform: { architecture: 'pdp11', os: 'linux' } } },
    'no mounts': { hints: { partitionMounts: [] } },
  };
  for (const [what, change] of Object.entries(changes)) {
    test(what, () => assert.notEqual(keyWith(change), KEY));
  }

  test('and no two of these are the same', () => {
    const keys = Object.values(changes).map(keyWith);
    assert.equal(new Set(keys).size, keys.length);
  });
});

describe('the key does not change with', () => {
  const changes: Readonly<Record<string, Changes>> = {
    'the hints that are about running and keeping alone': {
      hints: { nocache: true, noshare: true, timeout: 5 },
    },
    'what a job asks for': {
      hints: {
        ...{ cpus: 4, memory: 2 ** 33 },
        places: [
          { name: 'big', line: 2 },
          { name: 'gpu:1', line: 3 },
        ],
      },
    },
    'where bind mounts come from: their content is in the manifest': {
      hints: { bindMounts: [{ source: '../elsewhere', target: '/x' }] },
    },
    'the name and place of the layer': { layer: { name: '30_other', directory: '/elsewhere/30_other' } },
    'how the parent is kept, and its size': { parent: artifactOf(digestOf('a'), 'uncached', 2) },
  };
  for (const [what, change] of Object.entries(changes)) {
    test(what, () => assert.equal(keyWith(change), KEY));
  }
});

test('of what a job asks for, a boot-layer has in its key what its guest has: processors and memory', () => {
  const booted = (hints: Partial<Hints>) => keyWith({ layer: { kind: 'boot-layer' }, hints });
  assert.equal(booted({ places: [{ name: 'big', line: 2 }] }), booted({}));
  assert.notEqual(booted({ cpus: 4 }), booted({}));
  assert.notEqual(booted({ memory: 2 ** 33 }), booted({}));
});

test('a mount point cannot be written so that it forges another line', () => {
  const forged = [{ partition: 2, target: '/boot"\nchroot-mount p3 "/srv' }];
  assert.notEqual(keyWith({ hints: { partitionMounts: forged } }), KEY);
});

test('a base has the key of its content, which is no key of a layer', () => {
  assert.notEqual(keyOf(baseRecipe('xxh64:1')), keyOf(baseRecipe('xxh64:2')));
  assert.equal(baseRecipe('xxh64:1'), baseRecipe('xxh64:1'));
});
