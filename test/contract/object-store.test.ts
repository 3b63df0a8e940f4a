// The contract of an object store, as a suite that every implementation has to pass: a bucket of a real S3 server, and the
// double that other tests use.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Answer, ObjectStore, StoreError } from '../../src/model/ports/object-store.ts';
import { openS3 } from '../../src/shared-cache/objects/s3.ts';
import { TestBucket } from '../rig/s3/bucket.ts';
import { Gateway } from '../rig/s3/gateway.ts';
import { MemoryStore } from '../rig/s3/memory-store.ts';

const { signal } = new AbortController();

function given<T>(got: Answer<T>): T {
  if (!got.ok) assert.fail(`unexpected error: ${JSON.stringify(got.error)}`);
  return got.value;
}

function errorIn(got: Answer<unknown>): StoreError {
  if (got.ok) assert.fail(`unexpectedly good: ${JSON.stringify(got.value)}`);
  return got.error;
}

async function bytesOf(store: ObjectStore, name: string, from = 0, tag?: string): Promise<Buffer> {
  const { body } = given(await store.get(name, from, tag, signal));
  return Buffer.concat(await body.toArray());
}

/** @param open gives a store in which there is nothing yet */
function testObjectStore(name: string, open: () => Promise<ObjectStore>): void {
  describe(name, () => {
    let store: ObjectStore;
    before(async () => {
      store = await open();
    });
    after(() => store?.close());

    test('what was put is got, as a whole or from a place on', async () => {
      const bytes = randomBytes(300_000);
      given(await store.put('a/whole', bytes, 'always', signal));
      const { bytes: size, tag } = given(await store.head('a/whole', signal));
      assert.equal(size, bytes.length);
      assert.deepEqual(await bytesOf(store, 'a/whole'), bytes);
      assert.deepEqual(await bytesOf(store, 'a/whole', 123_456, tag), bytes.subarray(123_456));
      const part = given(await store.get('a/whole', 299_999, tag, signal));
      part.body.destroy();
      assert.deepEqual([part.bytes, part.tag], [size, tag], 'the size is that of the whole');
    });

    test('an empty object is one', async () => {
      given(await store.put('a/empty', new Uint8Array(), 'always', signal));
      assert.equal(given(await store.head('a/empty', signal)).bytes, 0);
      assert.equal((await bytesOf(store, 'a/empty')).length, 0);
    });

    test('what is not there is absent', async () => {
      assert.equal(errorIn(await store.head('a/none', signal)).kind, 'absent');
      assert.equal(errorIn(await store.get('a/none', 0, undefined, signal)).kind, 'absent');
    });

    test('what was replaced is not gone on with', async () => {
      given(await store.put('b/changes', randomBytes(10), 'always', signal));
      const { tag } = given(await store.head('b/changes', signal));
      given(await store.put('b/changes', randomBytes(10), 'always', signal));
      const kind = errorIn(await store.get('b/changes', 5, tag, signal)).kind;
      assert.ok(kind === 'absent' || kind === 'taken', kind);
    });

    test('the first writer wins, also of many at once', async () => {
      const writers = Array.from({ length: 8 }, (_, index) => Buffer.from(`writer ${index}`));
      const answers = await Promise.all(
        writers.map((bytes) => store.put('c/first', bytes, 'absent', signal)),
      );
      const winners = writers.filter((_, index) => answers[index]?.ok);
      assert.equal(winners.length, 1);
      for (const got of answers) if (!got.ok) assert.equal(got.error.kind, 'taken');
      assert.deepEqual(await bytesOf(store, 'c/first'), winners[0]);
      assert.equal(errorIn(await store.put('c/first', randomBytes(3), 'absent', signal)).kind, 'taken');
    });

    test('one that was looked at is replaced only as long as it is the same', async () => {
      given(await store.put('c/record', Buffer.from('bad'), 'absent', signal));
      const { tag } = given(await store.head('c/record', signal));
      given(await store.put('c/record', Buffer.from('good'), { tag }, signal));
      assert.equal(errorIn(await store.put('c/record', Buffer.from('late'), { tag }, signal)).kind, 'taken');
      assert.equal(String(await bytesOf(store, 'c/record')), 'good');
    });

    test('parts become one object, in their order, once they are completed', async () => {
      const parts = [randomBytes(5 * 2 ** 20), randomBytes(5 * 2 ** 20), randomBytes(1000)];
      const upload = given(await store.begin('d/parts', signal));
      for (const at of [2, 0, 1]) {
        given(await upload.part(at + 1, parts[at] ?? assert.fail(), signal));
      }
      assert.equal(errorIn(await store.head('d/parts', signal)).kind, 'absent');
      given(await upload.complete(signal));
      assert.deepEqual(await bytesOf(store, 'd/parts'), Buffer.concat(parts));
      assert.equal((await bytesOf(store, 'd/parts', 10 * 2 ** 20)).length, 1000);
    });

    test('parts that are called off leave nothing', async () => {
      const upload = given(await store.begin('d/none', signal));
      given(await upload.part(1, randomBytes(5 * 2 ** 20), signal));
      await upload.abort(signal);
      assert.equal(errorIn(await store.head('d/none', signal)).kind, 'absent');
    });

    test('a list has all names below a prefix, page by page, with sizes and times', async () => {
      const names = Array.from({ length: 7 }, (_, index) => `e/list/${index}`);
      for (const [index, each] of names.entries()) {
        given(await store.put(each, Buffer.alloc(index), 'always', signal));
      }
      given(await store.put('e/other', Buffer.alloc(1), 'always', signal));
      const found: [string, number][] = [];
      let next: string | undefined;
      do {
        const page = given(await store.list('e/list/', next, signal));
        for (const { name: each, bytes, modified } of page.objects) {
          found.push([each, bytes]);
          assert.ok(Math.abs(Date.now() - modified) < 3_600_000, `${modified}`);
        }
        next = page.next;
      } while (next !== undefined);
      assert.deepEqual(
        found,
        names.map((each, index) => [each, index]),
      );
      assert.deepEqual(given(await store.list('e/nothing/', undefined, signal)).objects, []);
    });

    test('what is deleted is gone, and what was gone does not matter', async () => {
      for (const each of ['f/a', 'f/b']) given(await store.put(each, Buffer.from('x'), 'always', signal));
      given(await store.delete(['f/a', 'f/never', 'f/b'], signal));
      given(await store.delete([], signal));
      assert.deepEqual(given(await store.list('f/', undefined, signal)).objects, []);
    });
  });
}

testObjectStore('in memory', async () => new MemoryStore());

describe('S3', () => {
  let gateway: Gateway;
  let bucket: TestBucket;
  let environment: NodeJS.ProcessEnv;
  const options = { prefix: '', region: undefined, pathStyle: true, connectWithin: 5_000, silentFor: 60_000 };
  const open = (name: string, prefix = '') =>
    openS3({ ...options, bucket: name, prefix, endpoint: gateway.endpoint });

  before(async () => {
    gateway = await Gateway.start();
    bucket = await TestBucket.create('contract', gateway);
    environment = { ...process.env };
    Object.assign(process.env, bucket.env());
  });
  after(async () => {
    process.env = environment;
    bucket?.[Symbol.dispose]();
    await gateway?.[Symbol.asyncDispose]();
  });

  testObjectStore('a bucket', async () => open('contract'));

  test('a prefix keeps to itself', async () => {
    const [one, other] = [open('contract', 'team/one'), open('contract', 'team/other')];
    given(await one.put('x', Buffer.from('one'), 'always', signal));
    assert.equal(errorIn(await other.head('x', signal)).kind, 'absent');
    assert.deepEqual(await bucket.namesLike(/^team\//), ['team/one/x']);
    const listed = given(await one.list('', undefined, signal)).objects;
    assert.deepEqual(
      listed.map(({ name }) => name),
      ['x'],
    );
  });

  test('a bucket that is not there, and credentials that are wrong, are told as such', async () => {
    const missing = errorIn(await open('nowhere').get('x', 0, undefined, signal));
    assert.deepEqual(missing, { kind: 'unusable', message: 'no such bucket' });
    process.env['AWS_SECRET_ACCESS_KEY'] = 'wrong';
    try {
      const wrong = errorIn(await open('contract').get('x', 0, undefined, signal));
      assert.equal(wrong.kind, 'refused');
      assert.match(wrong.message, /^403 SignatureDoesNotMatch/);
    } finally {
      Object.assign(process.env, bucket.env());
    }
  });

  test('a server that is not there is unavailable, and a signal is an interruption', async () => {
    const nobody = openS3({ ...options, bucket: 'contract', endpoint: 'http://127.0.0.1:9' });
    assert.equal(errorIn(await nobody.head('x', signal)).kind, 'unavailable');
    assert.equal(errorIn(await open('contract').head('x', AbortSignal.abort())).kind, 'interrupted');
  });
});
