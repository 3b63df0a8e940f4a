// The links in build/: where they lead, how, and what goes when nothing leads to it any more.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { type Artifact, artifactFile, type Keeping } from '../../../src/model/artifact.ts';
import type { InPlace } from '../../../src/model/store.ts';
import { keyOf } from '../../../src/plan/key.ts';
import { openInPlace } from '../../../src/store/in-place.ts';
import { digestOf, failureIn, Tree, valueIn } from '../../rig/tree.ts';

/** A project whose store holds files with the header of a qcow2 and nothing else. */
class Place implements Disposable {
  readonly tree = new Tree({ 'p/': '' });
  readonly artifacts: string;
  readonly inPlace: InPlace;

  constructor(artifacts = 'p/.vlb/store/sha256') {
    this.artifacts = this.tree.path(artifacts);
    const [project, build, state] = [
      this.tree.path('p'),
      this.tree.path('p/build'),
      this.tree.path('p/.vlb'),
    ];
    this.inPlace = openInPlace({ project, build, state, artifacts: this.artifacts });
  }

  artifact(digit: string, parent?: Artifact, keeping: Keeping = 'cached'): Artifact {
    const artifact = { digest: digestOf(digit), keeping, bytes: 104 };
    const name = path.relative(this.tree.directory, path.join(this.artifacts, artifactFile(artifact)));
    this.tree.write({ [name]: qcow2(parent && `./${artifactFile(parent)}`) });
    return artifact;
  }

  /** Links a chain: `10_l1`, `20_l2` and so on. */
  async link(artifacts: readonly Artifact[], image: 'link' | 'keep-flat' | 'keep' = 'link') {
    return this.inPlace.link(
      artifacts.map((artifact, index) => ({ layer: `${index + 1}0_l${index + 1}`, artifact })),
      image,
    );
  }

  async saveUncached(layer: string, artifact: Artifact): Promise<void> {
    const about = { seconds: 1, created: '', recipe: '', parent: null };
    valueIn(
      await this.inPlace.saveUncached({ schema: 1, key: keyOf(artifact.digest), layer, artifact, ...about }),
    );
  }

  get links(): Record<string, string> {
    const names = readdirSync(this.tree.path('p/build')).sort();
    return Object.fromEntries(names.map((name) => [name, readlinkSync(this.tree.path('p/build', name))]));
  }

  [Symbol.dispose](): void {
    this.tree[Symbol.dispose]();
  }
}

function qcow2(backing = ''): Buffer {
  const header = Buffer.alloc(104);
  header.write('QFI\xfb', 'latin1');
  header.writeBigUInt64BE(backing === '' ? 0n : 104n, 8);
  header.writeUInt32BE(backing.length, 16);
  return Buffer.concat([header, Buffer.from(backing)]);
}

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
      '10_l1.qcow2': `${INSIDE}/${one.digest}.qcow2`,
      [`${one.digest}.qcow2`]: `${INSIDE}/${one.digest}.qcow2`,
      '20_l2.qcow2': `${INSIDE}/${two.digest}.qcow2`,
      [`${two.digest}.qcow2`]: `${INSIDE}/${two.digest}.qcow2`,
      '30_l3.qcow2': `${INSIDE}/${three.digest}.qcow2`,
      'image.qcow2': `${INSIDE}/${three.digest}.qcow2`,
    });
  });

  test('are absolute to a store elsewhere, even to one whose path begins like the project', async () => {
    for (const directory of ['cache/sha256', 'p2/sha256']) {
      using place = new Place(directory);
      const one = place.artifact('1');
      valueIn(await place.link([one]));
      assert.equal(place.links['10_l1.qcow2'], place.tree.path(directory, `${one.digest}.qcow2`));
    }
  });

  test('tell which artifact is in place', async () => {
    using place = new Place();
    const [one, two] = [place.artifact('1'), place.artifact('2', undefined, 'uncached')];
    assert.equal(await place.inPlace.linked('10_l1'), undefined);
    valueIn(await place.link([one, two]));
    assert.equal(await place.inPlace.linked('10_l1'), one.digest);
    assert.equal(await place.inPlace.linked('20_l2'), two.digest);
    place.tree.write({
      'p/build/30_l3.qcow2': { link: `../elsewhere/${one.digest}.qcow2` },
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
    assert.equal(await place.inPlace.linked('20_l2'), other.digest);
    assert.ok(place.links['image.qcow2']?.includes(other.digest));
  });

  test('of ancestors that nothing stands on any more are removed; a file of the user is not', async () => {
    using place = new Place();
    const old = place.artifact('1');
    valueIn(await place.link([old, place.artifact('2', old)]));
    place.tree.write({ 'p/build/notes.txt': { link: 'mine' } });
    const one = place.artifact('3');
    valueIn(await place.link([one, place.artifact('4', one)]));
    assert.equal(place.links[`${old.digest}.qcow2`], undefined);
    assert.ok(place.links[`${one.digest}.qcow2`]);
    assert.equal(place.links['notes.txt'], 'mine');
  });

  test('of layers that were not asked for stay, and so do those that they stand on', async () => {
    using place = new Place();
    const old = place.artifact('1');
    valueIn(await place.link([old, place.artifact('2', old)]));
    valueIn(await place.link([place.artifact('3')]));
    assert.ok(place.links['20_l2.qcow2']);
    assert.ok(place.links[`${old.digest}.qcow2`]);
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
  const one = place.artifact('1', { digest: digestOf('1'), keeping: 'cached', bytes: 0 });
  place.tree.write({ 'p/build/10_l1.qcow2': { link: path.join(place.artifacts, `${one.digest}.qcow2`) } });
  const [project, artifacts] = [place.tree.path('p'), place.artifacts];
  const options = JSON.stringify({ project, artifacts, build: `${project}/build`, state: `${project}/.vlb` });
  const module = path.resolve(import.meta.dirname, '../../../src/store/in-place.ts');
  const program = `const { openInPlace } = await import('${module}'); await openInPlace(${options}).link([], 'keep');`;
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

describe('uncached layers', () => {
  test('have their records here', async () => {
    using place = new Place();
    assert.equal(await place.inPlace.uncached('20_app'), undefined);
    await place.saveUncached('20_app', place.artifact('1', undefined, 'uncached'));
    assert.equal((await place.inPlace.uncached('20_app'))?.artifact.digest, digestOf('1'));
    place.tree.write({ 'p/.vlb/in-place/20_app.json': '{' });
    assert.equal(await place.inPlace.uncached('20_app'), undefined, 'damaged');
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

  test('a record that cannot be written is a failure', async () => {
    using place = new Place();
    place.tree.write({ 'p/.vlb': 'a file' });
    const artifact: Artifact = { digest: digestOf('1'), keeping: 'uncached', bytes: 1 };
    const about = { seconds: 1, created: '', recipe: '', parent: null };
    const saved = await place.inPlace.saveUncached({
      schema: 1,
      key: keyOf('x'),
      layer: '10_a',
      artifact,
      ...about,
    });
    assert.equal(failureIn(saved).kind, 'host');
  });
});
