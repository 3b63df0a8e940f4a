// What people are told while a bucket is waited for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as tick } from 'node:timers/promises';
import { type Answer, type Received, storeError } from '../../../../src/model/ports/object-store.ts';
import { keyOf } from '../../../../src/model/recipe.ts';
import { Bucket } from '../../../../src/shared-cache/bucket/bucket.ts';
import { Claims } from '../../../../src/shared-cache/cache/claims.ts';
import { SharedCacheClient } from '../../../../src/shared-cache/cache/client.ts';
import { DEFAULT_RETRY_POLICY, RetryingObjectStore } from '../../../../src/shared-cache/objects/retrying.ts';
import { MemoryStore } from '../../../rig/s3/memory-store.ts';
import { openStore } from '../../../rig/store.ts';
import { Tree, valueIn } from '../../../rig/tree.ts';

/** Answers when it is called off. */
class Silent extends MemoryStore {
  override async get(
    _name: string,
    _from: number,
    _tag: string | undefined,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Answer<Received>> {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    return storeError('interrupted', 'interrupted');
  }
}

test('a bucket that does not answer is told, once, as soon as somebody would wonder', async (t) => {
  using tree = new Tree();
  t.mock.timers.enable({ apis: ['setInterval'] });
  const notes: string[] = [];
  const onNote = (message: string) => notes.push(message);
  const local = valueIn(openStore({ directory: tree.path('store'), owner: '1-x.b', isAlive: () => false }));
  const objects = new RetryingObjectStore(new Silent(), DEFAULT_RETRY_POLICY, {
    onLost: onNote,
    onFound: () => {},
  });
  const options = { scope: 'trusted', access: 'r', trustedKeys: [], signer: undefined, onNote } as const;
  const open = async () => new Bucket({ objects, ...options });
  const cache = new SharedCacheClient({
    local,
    open,
    claims: new Claims({ host: 'a', pid: 1 }),
    flush: false,
    onNote,
    onTransfer: () => {},
  });
  const called = new AbortController();
  const found = [cache.find(keyOf('one'), called.signal), cache.find(keyOf('two'), called.signal)];
  await tick();
  t.mock.timers.tick(2_900);
  assert.deepEqual(notes, []);
  t.mock.timers.tick(200);
  assert.deepEqual(notes, ['waiting for the shared cache s3://memory, which does not answer']);
  called.abort();
  assert.deepEqual(await Promise.all(found), [undefined, undefined]);
});
