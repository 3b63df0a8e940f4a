// The links in build/: where they lead, and which of them stay.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { lstatSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { artifactFile, mainDisk } from '../../../../src/model/artifact.ts';
import { artifactOf, digestOf, failureIn, valueIn } from '../../../rig/tree.ts';
import { Place } from '../place.ts';

const INSIDE = '../.vlb/store/sha256';

describe('links', () => {
  test('are relative to a store in the project; every ancestor has one under its own name, beside them', async () => {
    using place = new Place();
    const one = place.artifact('1');
    const two = place.artifact('2', one);
    const three = place.artifact('3', two);
    const image = valueIn(await place.link([one, two, three]));
    assert.equal(image, place.tree.path('p/build/image.qcow2'));
    assert.deepEqual(place.links, {
      '10_l1.qcow2': `${INSIDE}/${artifactFile(one)}`,
      [artifactFile(one)]: `${INSIDE}/${artifactFile(one)}`,
      '20_l2.qcow2': `${INSIDE}/${artifactFile(two)}`,
      [artifactFile(two)]: `${INSIDE}/${artifactFile(two)}`,
      '30_l3.qcow2': `${INSIDE}/${artifactFile(three)}`,
      'image.qcow2': `${INSIDE}/${artifactFile(three)}`,
    });
  });

  test('are absolute to a store elsewhere, even to one whose path begins like the project', async () => {
    for (const directory of ['cache/sha256', 'p2/sha256']) {
      using place = new Place(directory);
      const one = place.artifact('1');
      valueIn(await place.link([one]));
      assert.equal(place.links['10_l1.qcow2'], place.tree.path(directory, `${artifactFile(one)}`));
    }
  });

  test('tell which artifact is in place', async () => {
    using place = new Place();
    const [one, two] = [place.artifact('1'), place.artifact('2', undefined, 'uncached')];
    assert.equal(await place.inPlace.linked('10_l1'), undefined);
    valueIn(await place.link([one, two]));
    assert.equal(await place.inPlace.linked('10_l1'), mainDisk(one).digest);
    assert.equal(await place.inPlace.linked('20_l2'), mainDisk(two).digest);
    place.tree.write({
      'p/build/30_l3.qcow2': { link: `../elsewhere/${artifactFile(one)}` },
      'p/build/40_l4.qcow2': '',
    });
    assert.equal(await place.inPlace.linked('30_l3'), undefined, 'in another store');
    assert.equal(await place.inPlace.linked('40_l4'), undefined, 'a file');
  });

  test('are left alone where they are right, and turned where they are not', async () => {
    using place = new Place();
    const one = place.artifact('1');
    const [two, other] = [place.artifact('2', one), place.artifact('3', one)];
    valueIn(await place.link([one, two]));
    const before = lstatSync(place.tree.path('p/build/10_l1.qcow2')).ino;
    valueIn(await place.link([one, other]));
    assert.equal(lstatSync(place.tree.path('p/build/10_l1.qcow2')).ino, before);
    assert.equal(await place.inPlace.linked('20_l2'), mainDisk(other).digest);
    assert.ok(place.links['image.qcow2']?.includes(artifactFile(other)));
  });

  test('of ancestors that nothing stands on any more are removed; a file of the user is not', async () => {
    using place = new Place();
    const old = place.artifact('1');
    valueIn(await place.link([old, place.artifact('2', old)]));
    place.tree.write({ 'p/build/notes.txt': { link: 'mine' } });
    const one = place.artifact('3');
    valueIn(await place.link([one, place.artifact('4', one)]));
    assert.equal(place.links[artifactFile(old)], undefined);
    assert.ok(place.links[artifactFile(one)]);
    assert.equal(place.links['notes.txt'], 'mine');
  });

  test('of layers that were not asked for stay, and so do those that they stand on', async () => {
    using place = new Place();
    const old = place.artifact('1');
    valueIn(await place.link([old, place.artifact('2', old)]));
    valueIn(await place.link([place.artifact('3')]));
    assert.ok(place.links['20_l2.qcow2']);
    assert.ok(place.links[artifactFile(old)]);
  });

  test('of layers that are gone are removed where all layers are known; no file is', async () => {
    using place = new Place();
    const one = place.artifact('1');
    valueIn(await place.link([one, place.artifact('2', one), place.artifact('3', one)]));
    rmSync(place.tree.path('p/build/30_l3.qcow2'));
    place.tree.write({ 'p/build/30_l3.qcow2': 'mine' });
    valueIn(await place.link([one], 'link', new Map(), ['10_l1', '15_failed']));
    assert.equal(lstatSync(place.tree.path('p/build/30_l3.qcow2')).isFile(), true);
    rmSync(place.tree.path('p/build/30_l3.qcow2'));
    assert.deepEqual(Object.keys(place.links), ['10_l1.qcow2', 'image.qcow2']);
  });

  test('of a layer that failed stay', async () => {
    using place = new Place();
    const one = place.artifact('1');
    valueIn(await place.link([one, place.artifact('2', one)]));
    valueIn(await place.link([one], 'keep', new Map(), ['10_l1', '20_l2']));
    assert.ok(place.links['20_l2.qcow2']);
  });

  test('of named images lead where they are told; one that is not there yet stays, one without a name goes', async () => {
    using place = new Place();
    const one = place.artifact('1');
    const two = place.artifact('2', one);
    valueIn(
      await place.link(
        [one, two],
        'link',
        new Map([
          ['web', two],
          ['db', one],
        ]),
      ),
    );
    assert.equal(place.links['web.qcow2'], `${INSIDE}/${artifactFile(two)}`);
    assert.equal(place.links['db.qcow2'], `${INSIDE}/${artifactFile(one)}`);
    place.tree.write({ 'p/build/mine.qcow2': { link: '/srv/mine.qcow2' } });
    valueIn(await place.link([one], 'keep', new Map([['web', undefined]])));
    assert.equal(place.links['web.qcow2'], `${INSIDE}/${artifactFile(two)}`);
    assert.equal(place.links['db.qcow2'], undefined);
    assert.equal(place.links['mine.qcow2'], '/srv/mine.qcow2');
  });

  test('of a named image alone keep what it stands on in place', async () => {
    using place = new Place();
    const one = place.artifact('1');
    const two = place.artifact('2', one);
    valueIn(await place.link([], 'keep', new Map([['web', two]])));
    assert.ok(place.links[artifactFile(one)]);
  });

  test('that lead nowhere do no harm', async () => {
    using place = new Place();
    place.tree.write({ 'p/build/90_gone.qcow2': { link: `${INSIDE}/${'9'.repeat(64)}.qcow2` } });
    valueIn(await place.link([place.artifact('1')]));
    valueIn(await place.link([]));
  });

  test('a build/ that cannot be written is a failure', async () => {
    using place = new Place();
    place.tree.write({ 'p/build': 'a file' });
    const failure = failureIn(await place.link([place.artifact('1')]));
    assert.equal(failure.kind, 'host');
    assert.equal(failure.where?.file, place.tree.path('p/build'));
  });
});

test('an artifact that says it stands on itself does not hold vlb up for ever', () => {
  using place = new Place();
  const one = place.artifact('1', artifactOf(digestOf('1')));
  place.tree.write({ 'p/build/10_l1.qcow2': { link: path.join(place.artifacts, `${artifactFile(one)}`) } });
  const [project, artifacts] = [place.tree.path('p'), place.artifacts];
  const options = JSON.stringify({ project, artifacts, build: `${project}/build`, state: `${project}/.vlb` });
  const module = path.resolve(import.meta.dirname, '../../../../src/store/in-place/in-place.ts');
  const program = `const { openInPlace } = await import('${module}'); await openInPlace(${options}).link([], undefined, new Map());`;
  const flags = [
    '--experimental-strip-types',
    '--disable-warning=ExperimentalWarning',
    '--input-type=module',
  ];
  const ended = spawnSync(process.execPath, [...flags, '--eval', program], { timeout: 5000 });
  assert.equal(ended.status, 0, ended.signal ?? ended.stderr.toString());
});

describe('image.qcow2', () => {
  test('is a link; a flat file is replaced by one, kept, or left alone, as asked', async () => {
    using place = new Place();
    const one = place.artifact('1');
    const image = place.tree.path('p/build/image.qcow2');
    const isFlat = () => lstatSync(image, { throwIfNoEntry: false })?.isFile();
    valueIn(await place.link([one], 'keep'));
    assert.equal(isFlat(), undefined);
    valueIn(await place.link([one], 'keep-flat'));
    assert.equal(isFlat(), false);
    rmSync(image);
    place.tree.write({ 'p/build/image.qcow2': 'flat' });
    for (const choice of ['keep', 'keep-flat'] as const) {
      valueIn(await place.link([one], choice));
      assert.equal(isFlat(), true, choice);
    }
    valueIn(await place.link([one], 'link'));
    assert.equal(isFlat(), false);
  });

  test('stays what it was when the build failed', async () => {
    using place = new Place();
    const one = place.artifact('1');
    valueIn(await place.link([one, place.artifact('2', one)]));
    const before = place.links['image.qcow2'];
    valueIn(await place.link([place.artifact('3')], 'keep'));
    assert.equal(place.links['image.qcow2'], before);
  });
});
