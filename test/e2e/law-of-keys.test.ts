// The law of keys: a delta is valid over the exact bytes of the parent that it was built on, and over no other.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { checkFileSystem, leftovers, readFromImage } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const LAYERS = ['10_base', '20_random', '30_child', '40_grandchild'] as const;

const FILES = {
  'layers/10_base/modify-disk': tinyDisk(),
  // Never the same bytes twice.
  'layers/20_random/build-layer': buildLayer('dd if=/dev/urandom of=/random bs=1k count=512 2>/dev/null'),
  'layers/30_child/build-layer': buildLayer('cp /random /child'),
  'layers/40_grandchild/build-layer': buildLayer('cp /child /grandchild; rm /child'),
};

/** The file name of a layer's artifact. */
function artifactOf(project: TestProject, layer: string): string {
  return path.basename(readlinkSync(project.path('build', `${layer}.qcow2`)));
}

/** Every image that is in place is whole, and its layers belong together. */
function assertSound(project: TestProject): void {
  const scratch = path.dirname(project.directory);
  for (const layer of LAYERS) {
    assert.equal(checkFileSystem(project.path('build', `${layer}.qcow2`), scratch), '', layer);
  }
  const image = project.path('build/image.qcow2');
  const random = readFromImage(image, scratch, '/random');
  assert.ok(random);
  assert.equal(readFromImage(image, scratch, '/grandchild'), random);
  assert.deepEqual(leftovers(project), []);
}

for (const [what, lose] of [
  [
    'artifact was deleted',
    (project: TestProject) => rmSync(project.path('.vlb/store/sha256', artifactOf(project, '20_random'))),
  ],
  ['record was evicted', evictRecord],
] as const) {
  test(`a parent whose ${what} is built anew, and so is all that stands on it`, async () => {
    await using project = new TestProject(FILES);
    assert.equal((await project.build()).status, 0);
    assertSound(project);
    const before = LAYERS.map((layer) => artifactOf(project, layer));
    lose(project);
    const again = await project.build();
    assert.equal(
      again.outcomes,
      '10_base fresh, 20_random built, 30_child built, 40_grandchild built',
      again.told,
    );
    const after = LAYERS.map((layer) => artifactOf(project, layer));
    assert.equal(after[0], before[0]);
    for (const at of [1, 2, 3]) assert.notEqual(after[at], before[at], LAYERS[at]);
    assertSound(project);
    assert.match((await project.build()).outcomes, /^(\d+_\w+ fresh(, )?){4}$/);
  });
}

test('a parent that is restored runs nothing', async () => {
  await using project = new TestProject(FILES);
  assert.equal((await project.build()).status, 0);
  const before = LAYERS.map((layer) => artifactOf(project, layer));
  rmSync(project.path('build'), { recursive: true });
  const again = await project.build();
  assert.match(again.outcomes, /^(\d+_\w+ restored(, )?){4}$/, again.told);
  assert.deepEqual(
    LAYERS.map((layer) => artifactOf(project, layer)),
    before,
  );
  assertSound(project);
});

test('a child that was built on other bytes of the same parent is not taken for this one’s', async () => {
  await using one = new TestProject(FILES);
  await using two = new TestProject(FILES);
  assert.equal((await one.build()).status, 0);
  assert.equal((await two.build()).status, 0);
  assert.notEqual(artifactOf(one, '20_random'), artifactOf(two, '20_random'));
  // As a shared store would bring it: everything of the other but the parent's record.
  for (const folder of ['sha256', 'keys']) {
    for (const name of readdirSync(two.path('.vlb/store', folder))) {
      const file = two.path('.vlb/store', folder, name);
      if (folder === 'keys' && !readFileSync(file, 'utf8').includes('_child"')) continue;
      one.copyIn(file, path.join('.vlb/store', folder, name));
    }
  }
  const again = await one.build();
  assert.match(again.outcomes, /^(\d+_\w+ fresh(, )?){4}$/, again.told);
  assertSound(one);
});

function evictRecord(project: TestProject): void {
  const keys = project.path('.vlb/store/keys');
  const name = readdirSync(keys).find(
    (entry) =>
      entry.endsWith('.json') && readFileSync(path.join(keys, entry), 'utf8').includes('"20_random"'),
  );
  assert.ok(name);
  rmSync(path.join(keys, name));
}
