// The records of uncached layers, and what becomes of artifacts that nothing leads to any more.

import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { type Artifact, artifactFile } from '../../../../src/model/artifact.ts';
import { keyOf } from '../../../../src/model/recipe.ts';
import { artifactOf, digestOf, failureIn, valueIn } from '../../../rig/tree.ts';
import { Place } from '../place.ts';

describe('uncached layers', () => {
  test('have their records here', async () => {
    using place = new Place();
    assert.equal(await place.inPlace.last('20_app'), undefined);
    await place.saveUncached('20_app', place.artifact('1', undefined, 'uncached'));
    assert.equal((await place.inPlace.last('20_app'))?.artifact.disks[0].digest, digestOf('1'));
    place.tree.write({ 'p/.vlb/in-place/20_app.json': '{' });
    assert.equal(await place.inPlace.last('20_app'), undefined, 'damaged');
  });

  test('lose an earlier artifact once nothing in place stands on it, and not before', async () => {
    using place = new Place();
    const gone = (artifact: Artifact) => !existsSync(path.join(place.artifacts, artifactFile(artifact)));
    const old = place.artifact('1', undefined, 'uncached');
    const child = place.artifact('2', old, 'uncached');
    await place.saveUncached('10_l1', old);
    await place.saveUncached('20_l2', child);
    valueIn(await place.link([old, child]));
    const next = place.artifact('3', undefined, 'uncached');
    await place.saveUncached('10_l1', next);
    valueIn(await place.link([next], 'keep'));
    assert.equal(gone(old), false, 'the image of before still stands on it');
    const nextChild = place.artifact('4', next, 'uncached');
    await place.saveUncached('20_l2', nextChild);
    valueIn(await place.link([next, nextChild]));
    assert.deepEqual([old, child, next, nextChild].map(gone), [true, true, false, false]);
  });

  test('built again with the same bytes, the artifact stays', async () => {
    using place = new Place();
    const one = place.artifact('1', undefined, 'uncached');
    await place.saveUncached('10_l1', one);
    await place.saveUncached('10_l1', one);
    rmSync(place.tree.path('p/build'), { recursive: true, force: true });
    valueIn(await place.link([], 'keep'));
    assert.ok(existsSync(path.join(place.artifacts, artifactFile(one))));
  });

  test('a record is put in place under the name that the layer has here', async () => {
    using place = new Place();
    const artifact = artifactOf(digestOf('1'));
    const about = { seconds: 1, created: '', recipe: '', parent: null };
    const record = { key: keyOf('x'), layer: '10_a', artifact, ...about };
    valueIn(await place.inPlace.save('20_renamed', record));
    assert.deepEqual(await place.inPlace.last('20_renamed'), record);
    assert.equal(await place.inPlace.last('10_a'), undefined);
  });

  test('a record that cannot be written is a failure', async () => {
    using place = new Place();
    place.tree.write({ 'p/.vlb': 'a file' });
    const artifact = artifactOf(digestOf('1'), 'uncached');
    const about = { seconds: 1, created: '', recipe: '', parent: null };
    const saved = await place.inPlace.save('10_a', {
      key: keyOf('x'),
      layer: '10_a',
      artifact,
      ...about,
    });
    assert.equal(failureIn(saved).kind, 'host');
  });
});
