// Claims of two machines and more on one bucket, with the clock of the server alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Key } from '../../../../src/model/artifact.ts';
import { type Answer, storeError } from '../../../../src/model/ports/object-store.ts';
import type { Claim } from '../../../../src/model/ports/shared-cache.ts';
import { Bucket } from '../../../../src/shared-cache/bucket/bucket.ts';
import { claimText, parseClaim } from '../../../../src/shared-cache/bucket/claim-text.ts';
import { claimName } from '../../../../src/shared-cache/bucket/layout.ts';
import { Claims } from '../../../../src/shared-cache/cache/claims.ts';
import { DEFAULT_RETRY_POLICY, RetryingObjectStore } from '../../../../src/shared-cache/objects/retrying.ts';
import { MemoryStore } from '../../../rig/s3/memory-store.ts';

const KEY = 'a'.repeat(64) as Key;
const NAME = claimName('trusted', KEY);
const POLICY = { voidAfter: 60_000, renewEvery: 20, askEvery: 10, removeWithin: 1000 };
const LIVE = new AbortController().signal;
const ABOUT = { layer: '10_base', usually: 120 };

class Rig {
  /** What the server's clock is ahead of this machine's, ms. */
  ahead = 7_000_000;
  readonly store = new MemoryStore({ now: () => Date.now() + this.ahead });
  readonly bucket: Bucket;

  constructor(store?: MemoryStore) {
    if (store) this.store = store;
    const objects = new RetryingObjectStore(this.store, DEFAULT_RETRY_POLICY, {
      onLost: () => {},
      onFound: () => {},
    });
    this.bucket = new Bucket({
      ...{ objects, scope: 'trusted', access: 'rw', trustedKeys: [], signer: undefined, onNote: () => {} },
    });
  }

  claim(host: string, policy = POLICY): Promise<Claim> {
    return new Claims({ host, pid: 1 }, policy).claim(this.bucket, KEY, ABOUT, LIVE);
  }
}

function own(claim: Claim): Extract<Claim, { type: 'own' }> {
  return claim.type === 'own' ? claim : assert.fail(`claimed by ${claim.by.host}`);
}

function other(claim: Claim): string {
  return claim.type === 'other' ? claim.by.host : assert.fail('it is the own one');
}

test('one of many has it, until it ends its claim', async () => {
  const rig = new Rig();
  const claims = await Promise.all(Array.from({ length: 20 }, (_, index) => rig.claim(`machine-${index}`)));
  const [first, ...more] = claims.filter(({ type }) => type === 'own');
  assert.equal(more.length, 0);
  await own(first ?? assert.fail('nobody has it'))[Symbol.asyncDispose]();
  assert.equal(rig.store.objects.size, 0);
  await own(await rig.claim('later'))[Symbol.asyncDispose]();
});

test('it says who builds, for how long, and how long that takes usually', async () => {
  const rig = new Rig();
  await using _held = own(await rig.claim('runner-7', { ...POLICY, renewEvery: 1e6 }));
  rig.ahead += 40_000;
  const seen = await rig.claim('other');
  assert.deepEqual(seen, {
    type: 'other',
    by: { layer: '10_base', host: 'runner-7', pid: 1, since: 40, usually: 120 },
  });
});

test('one that is renewed stays, whatever the clock of a machine says', async () => {
  const rig = new Rig();
  await using _held = own(await rig.claim('runner-7'));
  const before = rig.store.objects.get(NAME)?.modified;
  rig.ahead += 50_000;
  await sleep(100);
  rig.ahead += 50_000;
  assert.notEqual(rig.store.objects.get(NAME)?.modified, before);
  assert.equal(other(await rig.claim('other')), 'runner-7');
});

test('one that is not renewed is taken over by one machine, and its owner lets it be', async () => {
  const rig = new Rig();
  const dead = own(await rig.claim('dead', { ...POLICY, renewEvery: 1e6 }));
  rig.ahead += 61_000;
  const claims = await Promise.all(['a', 'b', 'c'].map((host) => rig.claim(host)));
  assert.equal(claims.filter(({ type }) => type === 'own').length, 1);
  const [holder] = claims.flatMap((claim) => (claim.type === 'other' ? claim.by.host : []));
  assert.match(holder ?? '', /^[abc]$/);
  const text = () => parseClaim(rig.store.objects.get(NAME)?.bytes)?.host;
  assert.equal(text(), holder);
  await dead[Symbol.asyncDispose]();
  for (const claim of claims) if (claim.type === 'own') await claim[Symbol.asyncDispose]();
});

test('an owner that wakes up finds that another machine has it', async () => {
  const rig = new Rig();
  const slow = own(await rig.claim('slow'));
  rig.store.objects.set(NAME, {
    bytes: claimText({ owner: 'x', layer: 'l', host: 'fast', pid: 2, since: 0, usually: undefined }),
    tag: '"other"',
    modified: rig.store.now(),
  });
  await sleep(60);
  await slow[Symbol.asyncDispose]();
  assert.equal(other(await rig.claim('third')), 'fast');
});

test('one that is interrupted while it is written leaves nothing behind', async () => {
  const interrupt = new AbortController();
  class Late extends MemoryStore {
    override async put(...args: Parameters<MemoryStore['put']>): Promise<Answer<string>> {
      await super.put(...args);
      interrupt.abort();
      return storeError('interrupted', 'interrupted');
    }
  }
  const { store, bucket } = new Rig(new Late());
  const claims = new Claims({ host: 'a', pid: 1 }, POLICY);
  assert.equal(own(await claims.claim(bucket, KEY, ABOUT, interrupt.signal)).isHeld, false);
  assert.equal(store.objects.size, 0);
});

test('a renewal whose answer was lost does not end a claim', async () => {
  const store = new MemoryStore();
  const rig = new Rig(store);
  const held = own(await rig.claim('a'));
  const put = store.put.bind(store);
  let lost = 0;
  store.put = async (name, bytes, condition) => {
    const done = await put(name, bytes, condition);
    return done.ok && lost++ === 0 ? put(name, bytes, condition) : done; // tried again: refused by its own tag
  };
  await sleep(100);
  const first = store.objects.get(NAME)?.modified;
  await sleep(100);
  assert.ok(lost > 1, 'it was renewed');
  assert.notEqual(store.objects.get(NAME)?.modified, first, 'and again afterwards');
  await held[Symbol.asyncDispose]();
  assert.equal(store.objects.size, 0);
});

test('an owner that was replaced while it slept leaves the claim of the other', async () => {
  const rig = new Rig();
  const slow = own(await rig.claim('slow', { ...POLICY, renewEvery: 1e6 }));
  rig.ahead += 61_000;
  await using _fast = own(await rig.claim('fast', { ...POLICY, renewEvery: 1e6 }));
  await slow[Symbol.asyncDispose]();
  assert.equal(other(await rig.claim('third')), 'fast');
});

test('a server that does not say how old a claim is makes nobody wait', async () => {
  const rig = new Rig();
  await using _held = own(await rig.claim('a', { ...POLICY, renewEvery: 1e6 }));
  const get = rig.store.get.bind(rig.store);
  rig.store.get = async (...args) => {
    const got = await get(...args);
    return got.ok ? { ok: true, value: { ...got.value, age: undefined } } : got;
  };
  own(await rig.claim('b'));
});

test('a claim that is seen not to change is void, whatever the server says of its age', async () => {
  const rig = new Rig();
  const policy = { ...POLICY, renewEvery: 1e6, voidAfter: 100 };
  await using _dead = own(await rig.claim('dead', policy));
  const get = rig.store.get.bind(rig.store);
  rig.store.get = async (...args) => {
    const got = await get(...args);
    return got.ok ? { ok: true, value: { ...got.value, age: 0 } } : got;
  };
  const claims = new Claims({ host: 'b', pid: 1 }, policy);
  assert.equal(other(await claims.claim(rig.bucket, KEY, ABOUT, LIVE)), 'dead');
  await claims.wait(rig.bucket, KEY, LIVE);
  await own(await claims.claim(rig.bucket, KEY, ABOUT, LIVE))[Symbol.asyncDispose]();
});

test('a damaged claim, and one of another version, are replaced', async () => {
  for (const bytes of ['', '{', '{"schema":2}', '{"schema":1,"owner":"a","layer":"b"}', 'x'.repeat(5000)]) {
    const rig = new Rig();
    rig.store.objects.set(NAME, { bytes: Buffer.from(bytes), tag: '"t"', modified: rig.store.now() });
    await own(await rig.claim('a'))[Symbol.asyncDispose]();
    assert.equal(rig.store.objects.size, 0);
  }
});

test('a claim of another machine is waited for until it ends, or is void', async () => {
  const rig = new Rig();
  const waiting = new Claims({ host: 'b', pid: 1 }, POLICY);
  const held = own(await rig.claim('a'));
  let over = false;
  const wait = waiting.wait(rig.bucket, KEY, LIVE).then(() => {
    over = true;
  });
  await sleep(80);
  assert.equal(over, false);
  await held[Symbol.asyncDispose]();
  await wait;

  await using _dead = own(await rig.claim('dead', { ...POLICY, renewEvery: 1e6 }));
  rig.ahead += 61_000;
  await waiting.wait(rig.bucket, KEY, LIVE);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 30);
  rig.ahead -= 61_000;
  await waiting.wait(rig.bucket, KEY, stop.signal);
});

test('where the server does not answer, everybody builds', async () => {
  const store = new MemoryStore();
  const rig = new Rig(store);
  store.put = async () => ({ ok: false, error: { kind: 'refused', message: '403' } });
  const [a, b] = [own(await rig.claim('a')), own(await rig.claim('b'))];
  await a[Symbol.asyncDispose]();
  await b[Symbol.asyncDispose]();
});

test('credentials that may not delete end a claim by writing', async () => {
  const store = new MemoryStore();
  const rig = new Rig(store);
  let tries = 0;
  store.delete = async () => {
    tries++;
    return { ok: false, error: { kind: 'refused', message: '403' } };
  };
  const claims = new Claims({ host: 'a', pid: 1 }, POLICY);
  for (const _ of [1, 2]) {
    const claim = await claims.claim(rig.bucket, KEY, ABOUT, LIVE);
    assert.equal(other(await rig.claim('b')), 'a');
    await own(claim)[Symbol.asyncDispose]();
  }
  assert.equal(tries, 1);
  await own(await rig.claim('b'))[Symbol.asyncDispose]();
});

test('a lost answer to the first write is found by its owner', async () => {
  const store = new MemoryStore();
  const rig = new Rig(store);
  const put = store.put.bind(store);
  let lost = false;
  store.put = async (name, bytes, condition) => {
    const done = await put(name, bytes, condition);
    if (lost) return done;
    lost = true;
    return { ok: false, error: { kind: 'unavailable', message: 'cut off' } };
  };
  await using _held = own(await rig.claim('a'));
  assert.equal(other(await rig.claim('b')), 'a');
});

test('a job that an engine begins again has the claims of its first run, and of no other job', async () => {
  const rig = new Rig();
  const claimAs = (job: string) =>
    new Claims({ host: job, pid: 1, job }, POLICY).claim(rig.bucket, KEY, ABOUT, LIVE);
  own(await claimAs('run-1')); // its node dies
  assert.equal(other(await claimAs('run-10')), 'run-1');
  assert.equal(other(await rig.claim('machine')), 'run-1');
  await using _again = own(await claimAs('run-1'));
  assert.equal(other(await claimAs('run-2')), 'run-1');
});
