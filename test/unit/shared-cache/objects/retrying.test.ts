// Requests over a bad network: what is tried again, from where on, and when it is enough.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Answer,
  answer,
  type ObjectInfo,
  type ObjectStore,
  type Received,
  storeError,
} from '../../../../src/model/ports/object-store.ts';
import {
  RetryingObjectStore,
  type RetryPolicy,
  StoreException,
} from '../../../../src/shared-cache/objects/retrying.ts';
import { MemoryStore } from '../../../rig/s3/memory-store.ts';
import { HASTE } from '../../../rig/s3/sharer.ts';

const { signal } = new AbortController();
const FAILED = storeError('unavailable', '500 InternalError');
const FOUND = answer({ bytes: 1, tag: '"t"' });

/** A store whose answers to `head` are these, in their order, and the last of them for ever. */
function answering(...answers: readonly Answer<ObjectInfo>[]) {
  const store = new MemoryStore();
  let asked = 0;
  const head = async () => answers[Math.min(asked++, answers.length - 1)] ?? assert.fail();
  return { store: Object.assign(store, { head }), count: () => asked };
}

function retrying(store: ObjectStore, policy: Partial<RetryPolicy> = {}) {
  const lost: string[] = [];
  const watcher = {
    onLost: (why: string, forGood: boolean) => lost.push(`${why}${forGood ? ', for good' : ''}`),
    onFound: () => lost.push('found'),
  };
  return { lost, objects: new RetryingObjectStore(store, { ...HASTE, ...policy }, watcher) };
}

test('what fails in passing is tried again, and nothing is said of it', async () => {
  const { store, count } = answering(FAILED, FAILED, FOUND);
  const { objects: line, lost } = retrying(store);
  assert.deepEqual(await line.head('x', signal), FOUND);
  assert.deepEqual([count(), lost], [3, []]);
});

for (const kind of ['absent', 'taken', 'refused'] as const) {
  test(`an answer is not tried again: ${kind}`, async () => {
    const { store, count } = answering(storeError(kind, 'no'));
    const { objects: line, lost } = retrying(store);
    assert.deepEqual(await line.head('x', signal), storeError(kind, 'no'));
    assert.deepEqual([count(), lost, line.isLost], [1, [], false]);
  });
}

test('a store from which nothing ever came is given up after the first failure, and told once', async () => {
  const { store, count } = answering(FAILED);
  const { objects: line, lost } = retrying(store);
  assert.deepEqual(await line.head('x', signal), FAILED);
  assert.deepEqual([count(), lost], [HASTE.tries, ['500 InternalError, for good']]);
  assert.equal((await line.head('x', signal)).ok, false);
  assert.equal((await line.put('x', Buffer.from(''), 'always', signal)).ok, false);
  assert.deepEqual([count(), lost.length, store.objects.size], [HASTE.tries, 1, 0]);
});

test('one that has answered is given up after some failures in a row', async () => {
  const failing = Array<Answer<ObjectInfo>>(HASTE.tries).fill(FAILED);
  const { store } = answering(FOUND, ...failing, ...failing, FOUND, FAILED);
  const { objects: line, lost } = retrying(store);
  const heads = async (times: number) => {
    for (let time = 0; time < times; time++) await line.head('x', signal);
  };
  await heads(4);
  assert.deepEqual(lost, [], 'an answer in between makes it good');
  await heads(HASTE.failures - 1);
  assert.deepEqual(lost, []);
  await heads(1);
  assert.deepEqual(lost, ['500 InternalError']);
});

test('one that was given up is asked again now and then, once, and used when it answers', async () => {
  const failing = Array<Answer<ObjectInfo>>(HASTE.tries * HASTE.failures).fill(FAILED);
  const { store, count } = answering(FOUND, ...failing, FAILED, FOUND);
  const { objects: line, lost } = retrying(store, { againAfter: 40 });
  for (let time = 0; time <= HASTE.failures; time++) await line.head('x', signal);
  const asked = count();
  assert.deepEqual([(await line.head('x', signal)).ok, count(), lost.length], [false, asked, 1]);
  await delay(50);
  // One of several at the same time, and not tried again.
  await Promise.all([line.head('x', signal), line.head('x', signal)]);
  assert.deepEqual([count(), lost.length, line.isLost], [asked + 1, 1, true]);
  await delay(50);
  assert.deepEqual(await line.head('x', signal), FOUND);
  assert.deepEqual(await line.head('x', signal), FOUND);
  assert.deepEqual([lost, line.isLost], [['500 InternalError', 'found'], false]);
});

test('what can never be used is given up at once', async () => {
  const { store, count } = answering(FOUND, storeError('unusable', 'there is no such bucket'));
  const { objects: line, lost } = retrying(store);
  await line.head('x', signal);
  await line.head('x', signal);
  assert.deepEqual([count(), lost], [2, ['there is no such bucket, for good']]);
});

test('a request that only hangs is called off, and not tried for ever', async () => {
  const store = new MemoryStore();
  let asked = 0;
  const head = (_name: string, own: AbortSignal) =>
    new Promise<Answer<ObjectInfo>>((resolve) => {
      asked++;
      own.addEventListener('abort', () => resolve(storeError('interrupted', 'interrupted')));
    });
  const { objects: line, lost } = retrying(Object.assign(store, { head }), { within: 50, triedFor: 20 });
  const got = await line.head('x', signal);
  assert.deepEqual(got, storeError('unavailable', 'no answer within 0.05 s'));
  assert.deepEqual([asked, lost.length], [1, 1]);
});

test('a signal ends the pauses too, and is no failure of the store', async () => {
  const { store } = answering(FAILED);
  const { objects: line, lost } = retrying(store, { firstPause: 600_000, longestPause: 600_000 });
  const controller = new AbortController();
  const asking = line.head('x', controller.signal);
  setImmediate(() => controller.abort());
  assert.deepEqual(await asking, storeError('interrupted', 'interrupted'));
  assert.deepEqual(lost, []);
});

/** A store with one object, whose transfers end after so many bytes each. */
function breaking(bytes: Buffer, ends: readonly number[]) {
  const store = new MemoryStore();
  const asked: number[] = [];
  const get = async (_name: string, from: number): Promise<Answer<Received>> => {
    const most = ends[asked.length] ?? bytes.length;
    asked.push(from);
    const piece = bytes.subarray(from, from + most);
    const isCut = from + most < bytes.length;
    const body = Readable.from(
      (async function* () {
        if (piece.length > 0) yield piece;
        if (isCut) throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
      })(),
    );
    return answer({ bytes: bytes.length, tag: '"t"', age: 0, from, body });
  };
  return { store: Object.assign(store, { get }), asked };
}

async function read(line: RetryingObjectStore): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of line.stream('x', signal)) pieces.push(piece);
  return Buffer.concat(pieces);
}

test('a transfer goes on from where it broke off, as long as it gets ahead', async () => {
  const bytes = randomBytes(10_000);
  const { store, asked } = breaking(bytes, [1000, 2000, 0, 0, 500, 1000, 1000, 1000]);
  const { objects: line } = retrying(store);
  assert.deepEqual(await read(line), bytes);
  assert.deepEqual(asked, [0, 1000, 3000, 3000, 3000, 3500, 4500, 5500, 6500]);
});

test('a server that begins from the beginning again is understood, and what is skipped counts as coming', async () => {
  const bytes = randomBytes(10_000);
  let asked = 0;
  const get = async (): Promise<Answer<Received>> => {
    const isFirst = asked++ === 0;
    const body = Readable.from(
      (async function* () {
        for (let at = 0; at < bytes.length; at += 700) {
          if (isFirst && at > 8_000) throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
          if (!isFirst) await delay(20);
          yield bytes.subarray(at, at + 700);
        }
      })(),
    );
    return answer({ bytes: bytes.length, tag: '"t"', age: 0, from: 0, body });
  };
  // To skip the first eight thousand takes twice as long as nothing may come.
  const { objects: line } = retrying(Object.assign(new MemoryStore(), { get }), {
    leastEvery: 120,
    leastBytes: 100,
  });
  assert.deepEqual(await read(line), bytes);
  assert.equal(asked, 2);
});

test('only the answer has to come in time: a body may take longer', async () => {
  const bytes = randomBytes(1_000);
  let isCalledOff = false;
  const get: ObjectStore['get'] = async (_name, _from, _tag, own) => {
    own.addEventListener('abort', () => {
      isCalledOff = true;
    });
    const body = Readable.from(
      (async function* () {
        for (let at = 0; at < bytes.length; at += 100) {
          await delay(30);
          yield bytes.subarray(at, at + 100);
        }
      })(),
    );
    return answer({ bytes: bytes.length, tag: '"t"', age: 0, from: 0, body });
  };
  const store = Object.assign(new MemoryStore(), { get });
  const { objects: line } = retrying(store, { within: 50 });
  assert.deepEqual(await read(line), bytes);
  assert.ok(!isCalledOff);
});

test('one that does not get ahead any more fails', async () => {
  const { store, asked } = breaking(randomBytes(10_000), [1000, 0, 0, 0, 0, 0, 0]);
  const { objects: line } = retrying(store);
  await assert.rejects(read(line), (error) => {
    assert.ok(error instanceof StoreException);
    assert.deepEqual(error.reason, { kind: 'unavailable', message: 'the transfer was cut off' });
    return true;
  });
  assert.deepEqual(asked, [0, 1000, 1000, 1000]);
});

test('one that trickles is taken for one that stands still', async () => {
  const store = new MemoryStore();
  const get = async (): Promise<Answer<Received>> => {
    const body = new Readable({ read() {} });
    const clock = setInterval(() => body.push(Buffer.of(1)), 5);
    body.on('close', () => clearInterval(clock));
    return answer({ bytes: 1_000_000, tag: '"t"', age: 0, from: 0, body });
  };
  const { objects: line } = retrying(Object.assign(store, { get }), { leastEvery: 100, tries: 2 });
  const got = await line.read('x', 2_000_000, signal);
  assert.ok(!got.ok && /^only \d+ bytes came within 0.1 s$/.test(got.error.message), JSON.stringify(got));
});

test('what is larger than it may be is not read on, whatever the server promised', async () => {
  for (const promised of [0, 10, 1_000_000]) {
    let sent = 0;
    const store = new MemoryStore();
    const get = async (): Promise<Answer<Received>> => {
      const body = new Readable({
        read() {
          sent += 1000;
          this.push(sent < 1_000_000 ? Buffer.alloc(1000) : null);
        },
      });
      return answer({ bytes: promised, tag: '"t"', age: 0, from: 0, body });
    };
    const { objects: line } = retrying(Object.assign(store, { get }));
    assert.deepEqual(await line.read('x', 5_000, signal), answer({ bytes: undefined, tag: '"t"', age: 0 }));
    assert.ok(sent < 200_000, `${sent} bytes`);
  }
});

test('what is written has time in proportion: a large object as long as a part', async () => {
  for (const [bytes, works] of [
    [100, false],
    [1_000_000, true],
  ] as const) {
    const store = new MemoryStore();
    const put = async (_name: string, _bytes: Uint8Array, _condition: unknown, own: AbortSignal) =>
      new Promise<Answer<void>>((resolve) => {
        own.addEventListener('abort', () => resolve(storeError('interrupted', 'interrupted')));
        setTimeout(() => resolve(answer(undefined)), 400);
      });
    const { objects: line } = retrying(Object.assign(store, { put }), {
      within: 50,
      partWithin: 60_000,
      tries: 1,
    });
    assert.equal((await line.put('x', Buffer.alloc(bytes), 'always', signal)).ok, works);
  }
});
