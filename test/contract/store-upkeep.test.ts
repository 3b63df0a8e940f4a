// What keeps a store's entries from being removed, and what removes them: leases, projects, garbage collection.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { artifactFile, type BuildRecord, type Key, mainDisk } from '../../src/model/artifact.ts';
import { ok, type Result } from '../../src/model/failure.ts';
import type { Store } from '../../src/model/ports/store.ts';
import type { CacheLimits, Collected, StoreUpkeep } from '../../src/model/ports/store-upkeep.ts';
import { keyOf } from '../../src/model/recipe.ts';
import type { LocalStoreOptions } from '../../src/store/local/local-store.ts';
import { openStoreUpkeep } from '../../src/store/upkeep/store-upkeep.ts';
import { openStore, placesOf } from '../rig/store.ts';
import { Tree, valueIn } from '../rig/tree.ts';

const NEVER = new AbortController().signal;
const NOTHING: CacheLimits = { maxBytes: 0, maxAge: undefined };
const DAY = 86_400;

/** A store that processes called `1-1.a`, `2-1.a` and so on work with, some of which are dead. */
class Shared implements Disposable {
  readonly tree = new Tree();
  readonly directory = this.tree.path('store');
  readonly dead = new Set<string>();
  readonly isAlive = (owner: string) => !this.dead.has(owner);

  open(process: number, more: Partial<LocalStoreOptions> = {}): Store {
    return valueIn(
      openStore({ directory: this.directory, owner: `${process}-1.a`, isAlive: this.isAlive, ...more }),
    );
  }

  keeper(project = 'another'): StoreUpkeep {
    return openStoreUpkeep({
      directory: this.directory,
      owner: '9-1.a',
      isAlive: this.isAlive,
      project: placesOf(this.tree.path(project)),
      removeTree: async (directory) => {
        rmSync(directory, { recursive: true });
        return ok();
      },
      signal: NEVER,
    });
  }

  async collect(limits = NOTHING): Promise<Collected> {
    return valueIn(await this.keeper().collect(limits, { dryRun: false }));
  }

  file(record: BuildRecord): string {
    return path.join(this.directory, 'sha256', artifactFile(record.artifact));
  }

  recordFile(key: Key): string {
    return path.join(this.directory, 'keys', `${key}.json`);
  }

  age(record: BuildRecord, days: number): void {
    const then = Date.now() / 1000 - days * DAY;
    utimesSync(this.recordFile(record.key), then, then);
  }

  [Symbol.dispose](): void {
    this.tree[Symbol.dispose]();
  }
}

/** Commits a draft of this content and lets go of it. */
async function commit(store: Store, content: string): Promise<BuildRecord> {
  await using draft = valueIn(await store.draft());
  writeFileSync(draft.path, content);
  const about = { key: keyOf(content), layer: '20_app', parent: null, recipe: content };
  const record = valueIn(
    await draft.commit({ ...about, keeping: 'cached', startedAt: performance.now(), signal: NEVER }),
  );
  return record;
}

test('what a living process holds is kept, until it lets go or dies', async () => {
  using shared = new Shared();
  const [one, two] = [shared.open(1), shared.open(2)];
  const [a, b, c] = [await commit(one, 'a'), await commit(two, 'b'), await commit(two, 'c')];
  one.release();
  two.release();
  assert.deepEqual(await one.lease([a], NEVER), []);
  assert.deepEqual(await two.lease([b], NEVER), []);
  assert.deepEqual(
    (await shared.collect()).removed.map(({ digest }) => digest),
    [mainDisk(c.artifact).digest],
  );
  one.release();
  shared.dead.add('2-1.a');
  assert.equal((await shared.collect()).removed.length, 2);
  assert.deepEqual(readdirSync(path.join(shared.directory, 'leases')), []);
  assert.deepEqual(readdirSync(path.join(shared.directory, 'sha256')), []);
  assert.deepEqual(readdirSync(path.join(shared.directory, 'locks')), []);
});

test('what a process commits it holds, from before anybody can find it', async () => {
  using shared = new Shared();
  const record = await commit(shared.open(1), 'a');
  assert.equal((await shared.collect()).removed.length, 0);
  assert.ok(existsSync(shared.file(record)));
});

test('holding tells what is gone, and the record of it is a miss', async () => {
  using shared = new Shared();
  const store = shared.open(1);
  const [a, b] = [await commit(store, 'a'), await commit(store, 'b')];
  store.release();
  shared.age(a, 2);
  await shared.collect({ maxBytes: undefined, maxAge: DAY });
  assert.deepEqual(await store.lease([a, b], NEVER), [a]);
  assert.equal(await store.lookup(a.key), undefined);
  assert.deepEqual(await store.lookup(b.key), b);
});

test('holding waits for a garbage collection that decides just now, unless it is called off', async () => {
  using shared = new Shared();
  const store = shared.open(1);
  const record = await commit(store, 'a');
  const guard = path.join(shared.directory, 'locks/guard');
  writeFileSync(guard, '2-1.a');
  const called = new AbortController();
  const waiting = store.lease([record], called.signal);
  assert.equal(await Promise.race([waiting, new Promise((done) => setTimeout(done, 150, 'waits'))]), 'waits');
  called.abort();
  assert.deepEqual(await waiting, []);
  shared.dead.add('2-1.a');
  assert.deepEqual(await store.lease([record], NEVER), [], 'a dead one is not waited for');
});

test('a use is noted: at once by a build that does something, once a day by one that does not', async () => {
  using shared = new Shared();
  const store = shared.open(1);
  const record = await commit(store, 'a');
  const daysAgo = () => Math.round((Date.now() - statSync(shared.recordFile(record.key)).mtimeMs) / 864e5);
  shared.age(record, 5);
  await store.lease([record], NEVER);
  assert.equal(daysAgo(), 0);
  shared.age(record, 5);
  store.noteUse([record]);
  assert.equal(daysAgo(), 5, 'the project was here today');
  for (const name of readdirSync(path.join(shared.directory, 'projects'))) {
    const then = Date.now() / 1000 - 1.5 * DAY;
    utimesSync(path.join(shared.directory, 'projects', name), then, then);
  }
  store.noteUse([record]);
  assert.equal(daysAgo(), 0);
});

test('what the build/ of a living project leads to is kept, whoever collects', async () => {
  using shared = new Shared();
  const project = placesOf(shared.tree.path('elsewhere'));
  const store = shared.open(1, { project });
  const record = await commit(store, 'a');
  store.release();
  shared.tree.write({ 'elsewhere/.vlb/': '', 'elsewhere/build/image.qcow2': { link: shared.file(record) } });
  assert.equal((await shared.collect()).removed.length, 0);
  rmSync(shared.tree.path('elsewhere'), { recursive: true });
  assert.equal((await shared.collect()).removed.length, 1);
  assert.deepEqual(readdirSync(path.join(shared.directory, 'projects')), [], 'and it is forgotten');
});

test('a project that holds its store can be moved with it, and is still known', async () => {
  using tree = new Tree({ 'p/.vlb/': '' });
  const process = { owner: '1-1.a', isAlive: () => true };
  const store = valueIn(
    openStore({ ...process, directory: tree.path('p/.vlb/store'), project: placesOf(tree.path('p')) }),
  );
  const record = await commit(store, 'a');
  store.release();
  tree.write({ 'p/build/image.qcow2': { link: `../.vlb/store/sha256/${artifactFile(record.artifact)}` } });
  renameSync(tree.path('p'), tree.path('moved'));
  const keeper = openStoreUpkeep({
    ...process,
    directory: tree.path('moved/.vlb/store'),
    project: placesOf(tree.path('another')),
    removeTree: async () => ok(),
    signal: NEVER,
  });
  const { removed, inUse } = valueIn(await keeper.collect(NOTHING, { dryRun: false }));
  assert.deepEqual([removed.length, inUse.count], [0, 1]);
  assert.deepEqual((await keeper.usage()).projects, [tree.path('moved')]);
});

test('a record half written, logs without records and other files are no reason to remove anything', async () => {
  using shared = new Shared();
  const store = shared.open(1);
  const record = await commit(store, 'a');
  const lost = keyOf('lost');
  shared.tree.write({
    [`store/keys/${keyOf('half')}.json`]: '{"schema":1,',
    [`store/keys/${lost}.log`]: 'x',
    [`store/keys/${record.key}.log`]: 'x',
    'store/sha256/notes.txt': 'mine',
  });
  assert.equal((await shared.collect()).removed.length, 0);
  assert.deepEqual(
    readdirSync(path.join(shared.directory, 'keys')).sort(),
    [`${keyOf('half')}.json`, `${record.key}.json`, `${record.key}.log`].sort(),
  );
  assert.ok(existsSync(shared.tree.path('store/sha256/notes.txt')));
});

test('a store that holds less than its limits is left alone; one that holds more is told of', async () => {
  using shared = new Shared();
  const told: Result<Collected>[] = [];
  const open = (limits: CacheLimits) => shared.open(1, { limits, onEvict: (evicted) => told.push(evicted) });
  const record = await commit(open({ maxBytes: 1 << 20, maxAge: DAY }), 'a');
  await open({ maxBytes: 1 << 20, maxAge: DAY }).evict(NEVER);
  assert.equal(told.length, 0);
  rmSync(path.join(shared.directory, 'leases'), { recursive: true });
  shared.age(record, 2);
  await open({ maxBytes: 1 << 20, maxAge: DAY }).evict(NEVER);
  assert.deepEqual(
    told.map((evicted) => valueIn(evicted).removed.length),
    [1],
  );
});

test('damaged entries go when they are old, or their room is wanted', async () => {
  using shared = new Shared();
  const store = shared.open(1);
  const record = await commit(store, 'a');
  shared.tree.write({ 'store/damaged/x.qcow2': 'x'.repeat(5000) });
  const limits = { maxBytes: undefined, maxAge: DAY };
  assert.equal((await shared.collect(limits)).freed.count, 0);
  utimesSync(path.join(shared.directory, 'damaged/x.qcow2'), 1, 1);
  assert.equal((await shared.collect(limits)).freed.count, 1);
  shared.tree.write({ 'store/damaged/x.qcow2': 'x'.repeat(5000) });
  const room = statSync(shared.file(record)).blocks * 512;
  const collected = await shared.collect({ maxBytes: room, maxAge: undefined });
  assert.deepEqual([collected.freed.count, collected.removed.length], [1, 0]);
});

test('clear takes the caches of layers too, but not while a build may have them mounted', async () => {
  using shared = new Shared();
  const store = shared.open(1);
  await commit(store, 'a');
  shared.tree.write({ 'store/caches/apt/a.deb': 'x', 'store/damaged/y': 'y' });
  const first = valueIn(await shared.keeper().clear());
  assert.equal(first.kept.count, 1);
  assert.ok(existsSync(shared.tree.path('store/caches/apt/a.deb')));
  store.release();
  assert.equal(valueIn(await shared.keeper().clear()).kept.count, 0);
  for (const name of ['caches', 'damaged']) assert.equal(existsSync(shared.tree.path('store', name)), false);
});

test('verify leaves what a running build holds, and says so', async () => {
  using shared = new Shared();
  const store = shared.open(1);
  const record = await commit(store, 'a');
  rmSync(shared.file(record));
  writeFileSync(shared.file(record), 'b');
  const told: string[] = [];
  const verify = () => shared.keeper().verify(({ what, movedTo }) => told.push(`${what} ${movedTo}`), NEVER);
  assert.equal(valueIn(await verify()).bad.length, 1);
  assert.match(told.join(), /^has the wrong digest [0-9a-f]{64} undefined$/);
  assert.ok(existsSync(shared.file(record)));
  store.release();
  assert.equal(valueIn(await verify()).bad[0]?.movedTo, path.join(shared.directory, 'damaged'));
  assert.equal(existsSync(shared.file(record)), false);
  assert.equal(valueIn(await verify()).bad.length, 0);
});

/** The record of a commit, and of a second disk with this content, as a later vlb would write it. */
function addDisk(shared: Shared, { artifact, ...record }: BuildRecord, content: string): string {
  const digest = createHash('sha256').update(content).digest('hex');
  const file = path.join(shared.directory, 'sha256', `${digest}.qcow2`);
  writeFileSync(file, content);
  const disks = [...artifact.disks, { name: 'data', digest, bytes: content.length }];
  const several = { schema: 2, ...record, artifact: { keeping: 'cached', disks } };
  writeFileSync(shared.recordFile(record.key), JSON.stringify(several));
  return file;
}

test('of an artifact with several disks each is kept as long as the record is in use', async () => {
  using shared = new Shared();
  const store = shared.open(1);
  const record = await commit(store, 'a');
  const data = addDisk(shared, record, 'data');
  const found = await store.lookup(record.key);
  assert.deepEqual(
    found?.artifact.disks.map(({ name }) => name),
    ['main', 'data'],
  );
  assert.ok(found);
  const week: CacheLimits = { maxBytes: undefined, maxAge: 7 * DAY };
  store.release();
  assert.equal((await shared.collect(week)).removed.length, 0);
  assert.deepEqual(await store.lease([found], NEVER), []);
  assert.equal((await shared.collect()).removed.length, 0);
  store.release();
  assert.equal((await shared.collect()).removed.length, 2);
  assert.ok(!existsSync(data));
});

test('an artifact of which a disk is missing or damaged is none', async () => {
  for (const harm of [(file: string) => rmSync(file), (file: string) => writeFileSync(file, 'DATA')]) {
    using shared = new Shared();
    const notes: string[] = [];
    const store = shared.open(1, { onDamage: (note) => void notes.push(note) });
    const record = await commit(store, 'a');
    const file = addDisk(shared, record, 'data');
    const whole = await store.lookup(record.key);
    assert.ok(whole);
    harm(file);
    assert.deepEqual(await store.lease([whole], NEVER), existsSync(file) ? [] : [whole]);
    assert.equal(await store.lookup(record.key), undefined);
    assert.match(notes.join('\n'), /refers to a missing or incomplete artifact/);
  }
});

test('a record of a newer vlb is a miss, and said to be one', async () => {
  using shared = new Shared();
  const notes: string[] = [];
  const store = shared.open(1, { onDamage: (note) => void notes.push(note) });
  const { key } = await commit(store, 'a');
  writeFileSync(shared.recordFile(key), '{"schema":3}');
  assert.equal(await store.lookup(key), undefined);
  assert.match(notes.join('\n'), /was written by a newer vlb/);
});
