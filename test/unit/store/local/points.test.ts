// Cache points in a store: kept, found, not believed after a power cut, and the first to go.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import type { Key } from '../../../../src/model/artifact.ts';
import type { CachePoints } from '../../../../src/model/ports/points.ts';
import type { CacheLimits } from '../../../../src/model/ports/store-upkeep.ts';
import { recordText } from '../../../../src/model/record.ts';
import { storePlaces } from '../../../../src/store/names.ts';
import { collect } from '../../../../src/store/upkeep/collect.ts';
import { openStore, placesOf } from '../../../rig/store.ts';
import { artifactOf, digestOf, valueIn } from '../../../rig/tree.ts';

const SIGNAL = new AbortController().signal;
const PARENT = { digest: digestOf('a'), keeping: 'cached' } as const;
const NO_LIMITS: CacheLimits = { maxBytes: undefined, maxAge: undefined };

class Place implements Disposable {
  readonly directory = path.join(mkdtempSync(path.join(tmpdir(), 'vlb-points-')), 'store');
  #drafts = 0;

  constructor() {
    mkdirSync(path.join(this.directory, 'sha256'), { recursive: true });
    writeFileSync(this.artifact, qcow2(undefined, 100));
    const record = {
      key: keyOf('b') as Key, // it is one
      layer: '10_base',
      artifact: artifactOf(PARENT.digest, 'cached', 512),
      parent: null,
      recipe: '',
      seconds: 1,
      created: new Date().toISOString(),
    };
    mkdirSync(path.join(this.directory, 'keys'));
    writeFileSync(path.join(this.directory, 'keys', `${record.key}.json`), recordText(record));
  }

  get artifact(): string {
    return path.join(this.directory, 'sha256', `${PARENT.digest}.qcow2`);
  }

  open(boot = 'boot 1', owner = `${process.pid}-1.a`): CachePoints {
    const store = valueIn(
      openStore({ directory: this.directory, owner, isAlive: (name) => name === owner, bootId: () => boot }),
    );
    assert(store.points);
    return store.points;
  }

  /** Keeps a state over another one, or over the parent. Returns its id. */
  async keep(points: CachePoints, key: string, below?: string, bytes = 1000): Promise<string> {
    const id = points.newId();
    const draft = path.join(this.directory, 'sha256', `.tmp-${process.pid}-${this.#drafts++}`);
    const backing =
      below === undefined
        ? points.referenceToArtifact(path.basename(this.artifact))
        : points.referenceTo(below);
    writeFileSync(draft, qcow2(backing, bytes));
    const about = { key: keyOf(key), parent: PARENT, backing: below, layer: '20_a', title: key };
    valueIn(await points.keep(draft, id, { ...about, release: 'ID=x\n', made: '/mnt\n', since: 1 }));
    return id;
  }

  files(): readonly string[] {
    return readdirSync(path.join(this.directory, 'points')).toSorted();
  }

  collect(limits: CacheLimits, isAlive = () => false) {
    const { directory } = this;
    const places = storePlaces(directory);
    const project = placesOf(path.join(path.dirname(directory), 'project'));
    const options = { directory, owner: '9-9.z', isAlive, places, project };
    return collect(limits, options, { dryRun: false, signal: SIGNAL });
  }

  [Symbol.dispose](): void {
    rmSync(path.dirname(this.directory), { recursive: true });
  }
}

/** The header of a qcow2 file with a backing file, and zeros. */
function qcow2(backing: string | undefined, bytes: number): Buffer {
  const file = Buffer.alloc(Math.max(bytes, 512));
  file.writeUInt32BE(0x514649fb, 0);
  file.writeUInt32BE(3, 4);
  if (backing === undefined) return file;
  file.writeBigUInt64BE(128n, 8);
  file.writeUInt32BE(backing.length, 16);
  file.write(backing, 128);
  return file;
}

function keyOf(name: string): string {
  return name.repeat(64).slice(0, 64);
}

suite('points', () => {
  test('are found under their keys, with what they are over', async () => {
    using place = new Place();
    const points = place.open();
    const first = await place.keep(points, '1');
    const second = await place.keep(points, '2', first);
    assert.deepEqual(
      points.chain(second).map(({ id }) => id),
      [second, first],
    );
    const found = points.find(keyOf('2'));
    assert.deepEqual([found?.id, found?.release, found?.made, found?.since], [second, 'ID=x\n', '/mnt\n', 1]);
    assert.equal(points.find(keyOf('3')), undefined);
    assert(await points.lease(second, SIGNAL));
  });

  test('without their bytes, or what they are over, are none', async () => {
    using place = new Place();
    const points = place.open();
    const first = await place.keep(points, '1');
    await place.keep(points, '2', first);
    await points.flushed();
    rmSync(path.join(place.directory, 'points', `${first}.qcow2`));
    assert.equal(points.find(keyOf('1')), undefined);
    assert.equal(points.find(keyOf('2')), undefined);
    const other = await place.keep(points, '3');
    assert(points.find(keyOf('3')));
    writeFileSync(path.join(place.directory, 'points', `${other}.qcow2`), 'short');
    assert.equal(points.find(keyOf('3')), undefined);
    const last = await place.keep(points, '4');
    rmSync(place.artifact);
    assert.equal(points.find(keyOf('4')), undefined);
    assert.equal(await points.lease(last, SIGNAL), false);
  });

  test('that were not flushed are valid in their boot only', async () => {
    using place = new Place();
    const points = place.open();
    await place.keep(points, '1');
    assert(points.find(keyOf('1')));
    assert.equal(place.open('boot 2').find(keyOf('1')), undefined);
    await points.flushed();
    assert(place.open('boot 2').find(keyOf('1')));
    assert.deepEqual(place.files().length, 2, 'no temporary file');
  });

  test('a point replaces another under its key; one that is flushed later does not', async () => {
    using place = new Place();
    const points = place.open();
    await place.keep(points, '1');
    const second = await place.keep(points, '1');
    await points.flushed();
    assert.equal(points.find(keyOf('1'))?.id, second);
    assert.equal(place.open('boot 2').find(keyOf('1'))?.id, second);
  });

  test('damaged records are none', async () => {
    using place = new Place();
    const points = place.open();
    await place.keep(points, '1');
    await points.flushed();
    for (const text of ['', '{', '{}', '{"version":2}', `{"version":1,"key":"${keyOf('1')}","id":"../x"}`]) {
      writeFileSync(path.join(place.directory, 'points', `${keyOf('1')}.json`), text);
      assert.equal(points.find(keyOf('1')), undefined, text);
    }
  });
});

suite('garbage collection', () => {
  test('removes points that no build can use, and no others', async () => {
    using place = new Place();
    const points = place.open();
    const replaced = await place.keep(points, '1');
    const first = await place.keep(points, '1');
    await place.keep(points, '2', first);
    await points.flushed();
    const collected = await place.collect(NO_LIMITS);
    assert.equal(collected?.points.count, 1);
    assert(!existsSync(path.join(place.directory, 'points', `${replaced}.qcow2`)));
    assert(points.find(keyOf('2')));
  });

  test('removes points before any artifact, those at the top first', async () => {
    using place = new Place();
    const points = place.open();
    const first = await place.keep(points, '1', undefined, 100_000);
    const second = await place.keep(points, '2', first, 100_000);
    await points.flushed();
    const collected = await place.collect({ ...NO_LIMITS, maxBytes: 150_000 });
    assert.equal(collected?.points.count, 1);
    assert.deepEqual(collected.removed, []);
    assert(!existsSync(path.join(place.directory, 'points', `${second}.qcow2`)));
    assert(points.find(keyOf('1')));
  });

  test('removes what was not used for long', async () => {
    using place = new Place();
    const points = place.open();
    await place.keep(points, '1');
    await points.flushed();
    utimesSync(path.join(place.directory, 'points', `${keyOf('1')}.json`), 1, 1);
    assert.equal((await place.collect({ ...NO_LIMITS, maxAge: 60 }))?.points.count, 1);
  });

  test('leaves what a running build uses, and what that is over', async () => {
    using place = new Place();
    const points = place.open();
    const first = await place.keep(points, '1', undefined, 100_000);
    const second = await place.keep(points, '2', first, 100_000);
    await points.flushed();
    assert(await points.lease(second, SIGNAL));
    assert.equal((await place.collect({ ...NO_LIMITS, maxBytes: 0 }, () => true))?.points.count, 0);
    assert.equal((await place.collect({ ...NO_LIMITS, maxBytes: 0 }))?.points.count, 2);
  });
});
