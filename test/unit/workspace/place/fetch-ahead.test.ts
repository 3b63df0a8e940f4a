// What jobs have built is fetched while they run, one fetch at a time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FetchAhead } from '../../../../src/workspace/place/fetch-ahead.ts';

/** Fetches that end when they are let. */
function slowly() {
  const calls: (readonly string[])[] = [];
  let arrive: () => void = () => {};
  const ahead = new FetchAhead((layers) => {
    calls.push(layers);
    return new Promise((resolve) => {
      arrive = resolve;
    });
  });
  return { ahead, calls, arrive: () => arrive() };
}

test('what is built during a fetch is fetched after it, together; at the end only that one is waited for', async () => {
  const { ahead, calls, arrive } = slowly();
  for (const layer of ['10_a', '20_b', '30_c']) ahead.add(layer);
  assert.deepEqual(calls, [['10_a']]);
  arrive();
  const until = performance.now() + 10_000;
  while (calls.length < 2 && performance.now() < until) await delay(50);
  assert.deepEqual(calls, [['10_a'], ['20_b', '30_c']]);
  ahead.add('40_d');
  let hasEnded = false;
  const end = ahead.end().then(() => {
    hasEnded = true;
  });
  await delay(50);
  assert.equal(hasEnded, false);
  arrive();
  await end;
  assert.equal(calls.length, 2);
});

test('nothing built is nothing to wait for', async () => {
  const { ahead, calls } = slowly();
  await ahead.end();
  assert.deepEqual(calls, []);
});
