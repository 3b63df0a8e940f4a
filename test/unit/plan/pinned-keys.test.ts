// Recipes and keys, word for word, most of them as vlb 0.1 wrote them: each is the name of something in a store, so none may
// change.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseRecipe, downloadContent, fileContent } from '../../../src/kinds/base/content.ts';
import type { Artifact } from '../../../src/model/artifact.ts';
import { manifestText } from '../../../src/model/manifest.ts';
import { keyOf, parseRecipe, recipeText } from '../../../src/model/recipe.ts';
import { layerRecipe } from '../../../src/plan/key.ts';
import { artifactOf, digestOf, layerOf } from '../../rig/tree.ts';

const [A, B, C, E] = ['a', 'b', 'c', 'e'].map((digit) => digit.repeat(64));

function artifact(digit: string, keeping: Artifact['keeping'] = 'cached'): Artifact {
  return artifactOf(digestOf(digit), keeping);
}

const PINNED: readonly {
  readonly what: string;
  readonly recipe: () => string;
  readonly text: string;
  readonly key: string;
}[] = [
  {
    what: 'a build-layer without hints',
    recipe: () =>
      layerRecipe(
        layerOf('20_app'),
        manifestText([{ type: 'file', path: './build-layer', executable: true, hash: '0123456789abcdef' }]),
        { parent: artifact('a'), mounts: [] },
      ),
    text: `schema 1
kind build-layer
architecture x64
parent ${A}
disk-size -
root-partition -
file x 0123456789abcdef "./build-layer"
`,
    key: '12164da25665676f80037b6fb01f6c408850e09788adbb16b241d1aa3e736dc2',
  },
  {
    what: 'a build-layer with every hint that counts, and names that are hard to write',
    recipe: () =>
      layerRecipe(
        layerOf('30_all', {
          params: { VERSION: '1.4', TEXT: 'a "b"=c\nd é' },
          hints: {
            rootPartition: 2,
            noNetwork: true,
            partitionMounts: [
              { partition: 1, target: '/boot' },
              { partition: 3, target: '/srv/ü "x"' },
            ],
            nocache: true,
            timeout: 5,
          },
        }),
        manifestText([
          { type: 'directory', path: './d\nfile - 00 "x"' },
          { type: 'file', path: './build-layer', executable: true, hash: '0123456789abcdef' },
          { type: 'link', path: './l "q"', target: '../"t" \\' },
          { type: 'file', path: '/opt/\udc80x', executable: false, hash: 'ffffffffffffffff' },
        ]),
        {
          parent: artifact('a', 'uncached'),
          mounts: [
            { artifact: artifact('b'), target: '/l' },
            { artifact: artifact('b'), target: '/r "r"' },
          ],
        },
      ),
    text: String.raw`schema 1
kind build-layer
architecture x64
parent ${A}
mount ${B} "/l"
mount ${B} "/r \"r\""
disk-size -
root-partition 2
param "VERSION=1.4"
param "TEXT=a \"b\"=c\nd é"
network none
chroot-mount p1 "/boot"
chroot-mount p3 "/srv/ü \"x\""
directory "./d\nfile - 00 \"x\""
file x 0123456789abcdef "./build-layer"
link "../\"t\" \\" "./l \"q\""
file - ffffffffffffffff "/opt/\udc80x"
`,
    key: '8511f6fd8c605413a1ed6614caa408bdd4981aa590d65c49df7b735a316efbeb',
  },
  {
    what: 'a boot-layer, with the machine that it sees',
    recipe: () =>
      layerRecipe(
        layerOf('40_boots', {
          kind: 'boot-layer',
          params: { A: 'b' },
          hints: { cpus: 4, waitFor: 'db.service', noNetwork: true, timeout: 5 },
        }),
        manifestText([{ type: 'file', path: './boot-layer', executable: true, hash: '0123456789abcdef' }]),
        { parent: artifact('a'), mounts: [] },
      ),
    text: `schema 1
kind boot-layer
architecture x64
parent ${A}
disk-size -
root-partition -
param "A=b"
network none
memory 1073741824
cpus 4
wait-for db.service
file x 0123456789abcdef "./boot-layer"
`,
    key: '1a3f5116be8cde0c7f9a2b439da62dcd2e84a1dcf70900fcfcf7ed3c365cd9b7',
  },
  {
    what: 'a modify-disk from scratch',
    recipe: () =>
      layerRecipe(
        layerOf('10_base', { kind: 'modify-disk', hints: { from: 'scratch', diskSize: 21_474_836_480 } }),
        manifestText([{ type: 'file', path: './modify-disk', executable: true, hash: 'fedcba9876543210' }]),
        { parent: undefined, mounts: [] },
      ),
    text: `schema 1
kind modify-disk
architecture x64
parent scratch
disk-size 21474836480
root-partition -
file x fedcba9876543210 "./modify-disk"
`,
    key: '1e98ea249719f61243c56ec30ec345cc3d2707072a8bfb59868b2b28e3db288a',
  },
  {
    what: 'a modify-disk that makes its disk itself, without inputs',
    recipe: () =>
      layerRecipe(layerOf('10_old', { kind: 'modify-disk' }), '', { parent: artifact('c'), mounts: [] }),
    text: `schema 1\nkind modify-disk\narchitecture x64\nparent ${C}\ndisk-size -\nroot-partition -\n`,
    key: '92d577cb552622a5eaec70f008c521932794e019c710b59478d8bf316091d57e',
  },
  {
    what: 'a base that is a file',
    recipe: () => baseRecipe(fileContent('0123456789abcdef', {})),
    text: 'schema 1\nkind base\ncontent xxh64:0123456789abcdef sha256:-\n',
    key: '94b951055594a2d040445515fed884d348729ce1aa243107ef6b320798607b0d',
  },
  {
    what: 'a base that is a file with a sha256',
    recipe: () => baseRecipe(fileContent('0123456789abcdef', { sha256: `${E}` })),
    text: `schema 1\nkind base\ncontent xxh64:0123456789abcdef sha256:${E}\n`,
    key: '544e3dbe7bf21e01cf2b4bda6e3b67101ae01b83cfd56848ecb349fa7bf70f22',
  },
  {
    what: 'a base behind a URL',
    recipe: () => baseRecipe(downloadContent({ sha256: `${E}` })),
    text: `schema 1\nkind base\ncontent sha256:${E}\n`,
    key: '4ac5f1b223bc887ef9f243206c25f8f2689da04599e21430c1f0bfd8d31e84c8',
  },
  {
    what: 'a base behind a URL with a sha512',
    recipe: () => baseRecipe(downloadContent({ sha512: `${E}${E}` })),
    text: `schema 1\nkind base\ncontent sha512:${E}${E}\n`,
    key: 'd939b91e638dd40848ac7c88cb3a1c40ab317453cd06ae802b517f99dfb11148',
  },
  {
    what: 'a base that is a file with both',
    recipe: () => baseRecipe(fileContent('0123456789abcdef', { sha256: `${E}`, sha512: `${E}${E}` })),
    text: `schema 1\nkind base\ncontent xxh64:0123456789abcdef sha256:${E} sha512:${E}${E}\n`,
    key: 'ff80858424b75e91bf6af932ae6e12036dbe26a2b4576949c7a1fe37d3f3a091',
  },
  {
    what: 'a base that grows, with another partition than the last one',
    recipe: () => baseRecipe(`sha256:${E}`, { size: 2 ** 34, expand: 1 }),
    text: `schema 1\nkind base\ncontent sha256:${E}\nsize 17179869184\nexpand 1\n`,
    key: 'c758e60e2ac06118213f4c5d839f1941a8a3b36a4413d41b13c75739487bd4c2',
  },
];

for (const { what, recipe, text, key } of PINNED) {
  test(what, () => {
    assert.equal(recipe(), text);
    assert.equal(keyOf(recipe()), key);
    assert.equal(recipeText(parseRecipe(text)), text);
  });
}
