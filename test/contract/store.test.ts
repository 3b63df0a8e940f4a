// The contract of a store, as a suite that every implementation has to pass; now: the one in a local directory.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { artifactFile, type BuildRecord, type Key, mainDisk } from '../../src/model/artifact.ts';
import type { Result } from '../../src/model/failure.ts';
import type { CommitRequest, Store } from '../../src/model/ports/store.ts';
import { keyOf } from '../../src/model/recipe.ts';
import { SmallPlace } from '../rig/small.ts';
import { openStore } from '../rig/store.ts';
import { digestOf, failureIn, Tree, valueIn } from '../rig/tree.ts';

/** What the suite needs to know of an implementation to open it, and to damage it. */
export interface StoreUnderTest {
  open(directory: string, process: StoreProcess): Result<Store>;
  /** The file of a record. */
  recordFile(directory: string, key: Key): string;
}

/** The process that a store is opened by. */
interface StoreProcess {
  readonly owner: string;
  readonly isAlive: (owner: string) => boolean;
  readonly onDamage: (message: string) => void;
}

const OWNER = '100-1.aaaaaaaa';
const KEY = keyOf('one');

/** A store in a directory of its own, opened by one process after the other. */
class Opened implements Disposable {
  readonly tree = new Tree();
  readonly directory = this.tree.path('store');
  readonly notes: string[] = [];
  readonly #implementation: StoreUnderTest;
  readonly store: Store;

  constructor(implementation: StoreUnderTest) {
    this.#implementation = implementation;
    this.store = this.open();
  }

  open(process: Partial<StoreProcess> = {}): Store {
    const onDamage = (message: string) => void this.notes.push(message);
    return valueIn(
      this.#implementation.open(this.directory, { owner: OWNER, isAlive: () => true, onDamage, ...process }),
    );
  }

  recordFile(key: Key): string {
    return this.#implementation.recordFile(this.directory, key);
  }

  artifactPath(record: BuildRecord): string {
    return path.join(this.store.artifactDirectory, artifactFile(record.artifact));
  }

  /** The names of artifacts, drafts included. */
  get names(): string[] {
    return readdirSync(this.store.artifactDirectory).sort();
  }

  [Symbol.dispose](): void {
    this.tree[Symbol.dispose]();
  }
}

function request(changes: Partial<CommitRequest> = {}): CommitRequest {
  const about = { key: KEY, layer: '20_app', parent: null, recipe: 'one' };
  return {
    ...about,
    keeping: 'cached',
    startedAt: performance.now(),
    signal: new AbortController().signal,
    ...changes,
  };
}

/** Commits a draft with this content. */
async function commit(store: Store, content: string, changes?: Partial<CommitRequest>): Promise<BuildRecord> {
  await using draft = valueIn(await store.draft());
  writeFileSync(draft.path, content);
  return valueIn(await draft.commit(request(changes)));
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function testStore(name: string, implementation: StoreUnderTest): void {
  describe(name, () => {
    committing(implementation);
    racing(implementation);
    damage(implementation);
    drafts(implementation);
    failures(implementation);
  });
}

function committing(implementation: StoreUnderTest): void {
  test('a commit is found under its key, by every process', async () => {
    using opened = new Opened(implementation);
    assert.equal(await opened.store.lookup(KEY), undefined);
    const parent = { keeping: 'cached', disks: [{ name: 'main', digest: digestOf('a') }] } as const;
    const before = Date.now();
    const record = await commit(opened.store, 'content', { parent, startedAt: performance.now() - 1500 });
    assert.equal(mainDisk(record.artifact).digest, sha256('content'));
    assert.deepEqual(record.artifact, {
      keeping: 'cached',
      disks: [{ name: 'main', digest: sha256('content'), bytes: 7 }],
    });
    const { key, layer, recipe } = record;
    assert.deepEqual(
      { key, layer, recipe, parent: record.parent },
      { key: KEY, layer: '20_app', recipe: 'one', parent },
    );
    assert.ok(record.seconds >= 1.5 && record.seconds < 60, `${record.seconds}`);
    assert.ok(
      Date.parse(record.created) >= before && Date.parse(record.created) <= Date.now(),
      record.created,
    );
    assert.deepEqual(await opened.store.lookup(KEY), record);
    assert.deepEqual(await opened.open({ owner: '200-2.bbbbbbbb' }).lookup(KEY), record);
    assert.equal(await opened.store.lookup(keyOf('another')), undefined);
    assert.deepEqual(opened.notes, []);
  });

  test('the record is text as version 0.1.0 wrote it', async () => {
    using opened = new Opened(implementation);
    const parent = { keeping: 'cached', disks: [{ name: 'main', digest: digestOf('a') }] } as const;
    const { seconds, created } = await commit(opened.store, 'content', { parent, noshare: true });
    const text = `{
 "schema": 1,
 "key": "${KEY}",
 "layer": "20_app",
 "parent": {
  "digest": "${digestOf('a')}",
  "keeping": "cached"
 },
 "recipe": "one",
 "noshare": true,
 "artifact": {
  "digest": "${sha256('content')}",
  "keeping": "cached",
  "bytes": 7
 },
 "seconds": ${seconds},
 "created": "${created}"
}
`;
    assert.equal(readFileSync(opened.recordFile(KEY), 'utf8'), text);
  });

  test('the artifact is one read-only file under the name of its digest, beside all others', async () => {
    using opened = new Opened(implementation);
    const record = await commit(opened.store, 'content');
    const file = opened.artifactPath(record);
    assert.equal(readFileSync(file, 'utf8'), 'content');
    assert.equal(statSync(file).mode & 0o777, 0o444);
    assert.deepEqual(opened.names, [artifactFile(record.artifact)]);
    assert.equal(await opened.store.has(record.artifact), true);
  });

  test('a large artifact is hashed whole', async () => {
    using opened = new Opened(implementation);
    const content = 'abcdefg'.repeat(500_000);
    assert.equal((await commit(opened.store, content)).artifact.disks[0].digest, sha256(content));
  });

  test('the same bytes under two keys are one artifact', async () => {
    using opened = new Opened(implementation);
    await commit(opened.store, 'content');
    const other = await commit(opened.store, 'content', { key: keyOf('two') });
    assert.deepEqual((await opened.store.lookup(keyOf('two')))?.artifact, other.artifact);
    assert.equal((await opened.store.lookup(KEY))?.artifact.disks[0].digest, mainDisk(other.artifact).digest);
    assert.equal(opened.names.length, 1);
  });

  test('an uncached commit writes no record, and its artifact says what it is', async () => {
    using opened = new Opened(implementation);
    const record = await commit(opened.store, 'content', { keeping: 'uncached' });
    assert.equal(record.artifact.keeping, 'uncached');
    assert.equal(await opened.store.lookup(KEY), undefined);
    assert.equal(existsSync(opened.recordFile(KEY)), false);
    assert.deepEqual(opened.names, [`uncached-${mainDisk(record.artifact).digest}.qcow2`]);
    assert.equal(await opened.store.has(record.artifact), true);
    assert.equal(await opened.store.has({ ...record.artifact, keeping: 'cached' }), false);
  });

  test('an uncached commit adopts no record either', async () => {
    using opened = new Opened(implementation);
    await commit(opened.store, 'cached');
    assert.equal(
      (await commit(opened.store, 'new', { keeping: 'uncached' })).artifact.disks[0].digest,
      sha256('new'),
    );
  });

  test('the log of a build is kept beside its record', async () => {
    using opened = new Opened(implementation);
    opened.tree.write({ log: 'what the script said\n' });
    await commit(opened.store, 'content', { log: opened.tree.path('log') });
    const beside = path.dirname(opened.recordFile(KEY));
    const logs = readdirSync(beside).filter((file) => file.endsWith('.log'));
    assert.deepEqual(
      logs.map((file) => readFileSync(path.join(beside, file), 'utf8')),
      ['what the script said\n'],
    );
  });
}

function racing(implementation: StoreUnderTest): void {
  test('the first writer wins: the second adopts its record and leaves nothing of its own', async () => {
    using opened = new Opened(implementation);
    const [first, second] = [opened.store, opened.open({ owner: '200-2.bbbbbbbb' })];
    await using a = valueIn(await first.draft());
    await using b = valueIn(await second.draft());
    assert.notEqual(a.path, b.path);
    writeFileSync(a.path, 'first');
    writeFileSync(b.path, 'second');
    const won = valueIn(await a.commit(request({ layer: '20_app' })));
    const adopted = valueIn(await b.commit(request({ layer: '20_app' })));
    assert.deepEqual(adopted, won);
    await b[Symbol.asyncDispose]();
    assert.deepEqual(opened.names, [`${sha256('first')}.qcow2`]);
  });

  test('many at once agree on one', async () => {
    using opened = new Opened(implementation);
    const writers = Array.from({ length: 8 }, (_, index) =>
      commit(opened.open({ owner: `${index}-1.aaaaaaaa` }), `bytes of writer ${index}`),
    );
    const digests = new Set((await Promise.all(writers)).map(({ artifact }) => mainDisk(artifact).digest));
    assert.equal(digests.size, 1);
    const [digest] = digests;
    assert.equal((await opened.store.lookup(KEY))?.artifact.disks[0].digest, digest);
    assert.deepEqual(opened.names, [`${digest}.qcow2`]);
  });

  test('who comes second by a hair adopts too, and leaves nothing of its own', async () => {
    using opened = new Opened(implementation);
    const winner = await commit(opened.store, 'first');
    const record = readFileSync(opened.recordFile(KEY));
    // Damage that is noticed while the second commits is the moment at which the first one comes back.
    writeFileSync(opened.recordFile(KEY), 'damaged');
    const slow = opened.open({ onDamage: () => writeFileSync(opened.recordFile(KEY), record) });
    assert.deepEqual(await commit(slow, 'second'), winner);
    assert.deepEqual(opened.names, [`${sha256('first')}.qcow2`]);
  });
}

function damage(implementation: StoreUnderTest): void {
  /** What is done to a store that holds one record, and what is told about it. */
  const damages: Readonly<Record<string, readonly [(opened: Opened, record: BuildRecord) => void, RegExp]>> =
    {
      'an artifact cut short': [
        (opened, record) => truncate(opened.artifactPath(record), 3),
        /3 bytes instead of 7/,
      ],
      'an artifact of no bytes': [
        (opened, record) => truncate(opened.artifactPath(record), 0),
        /0 bytes instead of 7/,
      ],
      'an artifact that is gone': [
        (opened, record) => rmSync(opened.artifactPath(record)),
        /refers to a missing or incomplete artifact/,
      ],
      'an artifact that was written to': [
        (opened, record) => {
          chmodSync(opened.artifactPath(record), 0o644);
          writeFileSync(opened.artifactPath(record), 'another', { flag: 'r+' });
        },
        /was modified/,
      ],
      'an artifact that is a directory': [
        (opened, record) => {
          rmSync(opened.artifactPath(record));
          mkdirSync(opened.artifactPath(record));
          opened.tree.write({ [`store/sha256/${artifactFile(record.artifact)}/file`]: '' });
        },
        /bytes instead of 7/,
      ],
      'a record that is a directory': [
        (opened) => {
          rmSync(opened.recordFile(KEY));
          mkdirSync(opened.recordFile(KEY));
        },
        /cannot be read/,
      ],
      'a record of no bytes': [(opened) => writeFileSync(opened.recordFile(KEY), ''), /damaged/],
      'a record of garbage': [
        (opened) => writeFileSync(opened.recordFile(KEY), Buffer.alloc(500)),
        /damaged/,
      ],
      'a record half written': [(opened) => truncate(opened.recordFile(KEY), 100), /damaged/],
      'the record of another key': [
        (opened) => {
          const text = readFileSync(opened.recordFile(KEY), 'utf8');
          writeFileSync(opened.recordFile(KEY), text.replaceAll(KEY, keyOf('another')));
        },
        /damaged/,
      ],
    };
  for (const [what, [apply, note]] of Object.entries(damages)) {
    test(`${what} is a miss, is told, and is mended by the next build`, async () => {
      using opened = new Opened(implementation);
      apply(opened, await commit(opened.store, 'content'));
      assert.equal(await opened.store.lookup(KEY), undefined);
      assert.match(opened.notes.join('\n'), note);
      opened.notes.length = 0;
      assert.equal(await opened.store.lookup(KEY), undefined, 'and stays one');
      assert.deepEqual(opened.notes, [], 'and is told once');
      const record = await commit(opened.store, 'content');
      assert.deepEqual(await opened.store.lookup(KEY), record);
      assert.equal(readFileSync(opened.artifactPath(record), 'utf8'), 'content');
      assert.deepEqual(opened.notes, []);
    });
  }

  test('an artifact in the place of another one is a miss, though no time or size tells it', async () => {
    using opened = new Opened(implementation);
    const record = await commit(opened.store, 'content');
    const other = await commit(opened.store, 'another', { key: keyOf('two') });
    renameSync(opened.artifactPath(other), opened.artifactPath(record));
    assert.equal(await opened.store.lookup(KEY), undefined);
    assert.match(opened.notes.join('\n'), /was modified: its digest has changed/);
  });

  test('an artifact that was touched or copied is read once, and is as good as before', async () => {
    using opened = new Opened(implementation);
    const record = await commit(opened.store, 'content');
    const file = opened.artifactPath(record);
    const stamped = statSync(file).mtimeMs;
    utimesSync(file, new Date(), new Date());
    assert.deepEqual(await opened.store.lookup(KEY), record);
    assert.equal(statSync(file).mtimeMs, stamped);
    copyFileSync(file, `${file}.copy`);
    renameSync(`${file}.copy`, file);
    assert.deepEqual(await opened.store.lookup(KEY), record);
    assert.equal(statSync(file).mtimeMs, stamped);
    // What cannot be told from it is what nobody wrote, a disk that rots: with the time as it was, nothing is read.
    chmodSync(file, 0o644);
    writeFileSync(file, 'another', { flag: 'r+' });
    utimesSync(file, stamped / 1000, stamped / 1000);
    assert.deepEqual(await opened.store.lookup(KEY), record);
    assert.equal(await opened.store.examine(record.artifact, new AbortController().signal), false);
    assert.equal(await opened.store.lookup(KEY), undefined);
  });

  test('has() does not take an artifact of another size, nor one that is gone', async () => {
    using opened = new Opened(implementation);
    const record = await commit(opened.store, 'content');
    truncate(opened.artifactPath(record), 3);
    assert.equal(await opened.store.has(record.artifact), false);
    assert.equal(await opened.store.has(record.artifact), false);
    assert.equal(opened.notes.length, 1);
  });
}

/** Truncates a file that is read-only. */
function truncate(file: string, bytes: number): void {
  const content = readFileSync(file);
  rmSync(file);
  writeFileSync(file, content);
  truncateSync(file, bytes);
}

function drafts(implementation: StoreUnderTest): void {
  test('a draft is beside the artifacts, and its disposal leaves nothing', async () => {
    using opened = new Opened(implementation);
    {
      await using draft = valueIn(await opened.store.draft());
      assert.equal(path.dirname(draft.path), opened.store.artifactDirectory);
      writeFileSync(draft.path, 'half');
    }
    {
      await using unused = valueIn(await opened.store.draft());
      assert.ok(unused.path);
    }
    assert.deepEqual(opened.names, []);
  });

  test('disposal after a commit takes nothing away', async () => {
    using opened = new Opened(implementation);
    const record = await commit(opened.store, 'content');
    assert.ok(existsSync(opened.artifactPath(record)));
  });

  test('drafts of the dead are cleared when a store is opened, those of the living are kept', async () => {
    using opened = new Opened(implementation);
    const living = valueIn(await opened.open({ owner: '100-1.aaaaaaaa' }).draft());
    const dead = valueIn(await opened.open({ owner: '200-2.bbbbbbbb' }).draft());
    for (const file of [living.path, dead.path, `${dead.path}.json`, `${dead.path}.base`])
      writeFileSync(file, 'half');
    const record = await commit(opened.store, 'content');
    opened.open({ owner: '300-3.cccccccc', isAlive: (owner) => owner === '100-1.aaaaaaaa' });
    assert.deepEqual(opened.names, [path.basename(living.path), artifactFile(record.artifact)].sort());
  });
}

function failures(implementation: StoreUnderTest): void {
  const quiet: StoreProcess = { owner: OWNER, isAlive: () => true, onDamage: () => {} };

  test('a file where the store should be is a failure that says what to do', () => {
    using tree = new Tree({ file: '' });
    for (const place of ['file', 'file/below']) {
      const failure = failureIn(implementation.open(tree.path(place), quiet));
      assert.equal(failure.kind, 'host');
      assert.equal(failure.where?.file, tree.path(place));
      assert.match(failure.hint ?? '', /--cache-dir/);
    }
  });

  test('a draft that nobody wrote cannot be committed', async () => {
    using opened = new Opened(implementation);
    await using draft = valueIn(await opened.store.draft());
    assert.equal(failureIn(await draft.commit(request())).kind, 'host');
  });

  test('a store that goes away under a build is a failure, no crash', async () => {
    using opened = new Opened(implementation);
    await using draft = valueIn(await opened.store.draft());
    writeFileSync(draft.path, 'content');
    rmSync(path.dirname(opened.recordFile(KEY)), { recursive: true });
    assert.equal(failureIn(await draft.commit(request())).kind, 'host');
    rmSync(opened.directory, { recursive: true });
    assert.equal(failureIn(await draft.commit(request())).kind, 'host');
    assert.equal(await opened.store.lookup(KEY), undefined);
  });

  test('a disk that takes a part of the record has none of it afterwards', async () => {
    using tree = new Tree();
    using small = new SmallPlace(tree.path('small'), '1M');
    const directory = tree.path('small/store');
    const store = valueIn(implementation.open(directory, quiet));
    await using draft = valueIn(await store.draft());
    writeFileSync(draft.path, 'content');
    // Room for a part of a record of 32 KiB, and nothing else.
    const { bavail, bsize } = statfsSync(directory);
    small.fill('filler', (bavail - 6) * bsize);
    const failure = failureIn(await draft.commit(request({ recipe: 'x'.repeat(32_768) })));
    assert.match(failure.message, /no space left/);
    assert.equal(existsSync(implementation.recordFile(directory, KEY)), false);
    rmSync(tree.path('small/filler'));
    writeFileSync(draft.path, 'content');
    const record = valueIn(await draft.commit(request({ recipe: 'x'.repeat(32_768) })));
    assert.deepEqual(await store.lookup(KEY), record);
  });

  test('a log that is gone does not lose the build', async () => {
    using opened = new Opened(implementation);
    const record = await commit(opened.store, 'content', { log: opened.tree.path('missing') });
    assert.deepEqual(await opened.store.lookup(KEY), record);
  });
}

testStore('local store', {
  open: (directory, process) => openStore({ directory, ...process }),
  recordFile: (directory, key) => path.join(directory, 'keys', `${key}.json`),
});
