// What jobs have built is fetched while others run, one fetch at a time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FetchAhead } from '../../../../src/workspace/place/fetch-ahead.ts';

test('what is built during a fetch is fetched after it, together; at the end only that one is waited for', async () => {
  const calls: (readonly string[])[] = [];
  let arrive: () => void = () => {};
  const ahead = new FetchAhead((layers) => {
    calls.push(layers);
    return new Promise((resolve) => {
      arrive = resolve;
    });
  });
  await ahead.end(); // nothing is fetched
  const other = new FetchAhead((layers) => {
    calls.push(layers);
    return new Promise((resolve) => {
      arrive = resolve;
    });
  });
  for (const layer of ['10_a', '20_b', '30_c']) other.add(layer);
  assert.deepEqual(calls, [['10_a']]);
  arrive();
  await new Promise(setImmediate);
  assert.deepEqual(calls, [['10_a'], ['20_b', '30_c']]);
  other.add('40_d');
  const end = other.end();
  arrive();
  await end;
  assert.equal(calls.length, 2);
});
