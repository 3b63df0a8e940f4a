// Which scripts may start while files change, and which runs are stopped.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Key } from '../../../src/model/artifact.ts';
import { fail } from '../../../src/model/failure.ts';
import { Failures } from '../../../src/watch/failures.ts';
import { BuildSteering } from '../../../src/watch/steering.ts';

const key = (text: string) => text as Key;
const THEN = new Map([
  ['10_a', 'a'],
  ['20_b', 'b'],
]);

async function begin(steering: BuildSteering, layer: string): Promise<AbortSignal> {
  const begun = await steering.beforeRun(layer, key(layer));
  assert.ok(begun.ok);
  return begun.value;
}

test('while it is not known what changed, nothing starts', async () => {
  const steering = new BuildSteering(THEN, new Failures());
  steering.pause();
  steering.pause();
  let begun = false;
  const beginning = begin(steering, '10_a').then(() => {
    begun = true;
  });
  await sleep(20);
  assert.equal(begun, false);
  steering.resume();
  await beginning;
});

test('a run is stopped when the project has it under no name any more, and nothing else starts', async () => {
  const steering = new BuildSteering(THEN, new Failures());
  const [a, b] = [await begin(steering, '10_a'), await begin(steering, '20_b')];
  steering.pause();
  const other = steering.beforeRun('30_c', key('c'));
  steering.supersede(
    new Map([
      ['15_renamed', 'a'],
      ['20_b', 'another'],
    ]),
  );
  assert.deepEqual([a.aborted, b.aborted], [false, true]);
  const refused = await other;
  assert.equal(refused.ok ? '' : refused.failure.kind, 'interrupted');
  assert.equal(steering.superseded.aborted, true);
});

test('runs go on while the project cannot be read', async () => {
  const steering = new BuildSteering(THEN, new Failures());
  const a = await begin(steering, '10_a');
  steering.supersede(undefined);
  assert.equal(a.aborted, false);
});

test('what failed is not begun again under its key; what was interrupted is', async () => {
  const failures = new Failures();
  const steering = new BuildSteering(THEN, failures);
  const ended = { type: 'layer-finished', outcome: 'failed', seconds: 0 } as const;
  const { failure } = fail('work', 'it failed');
  await begin(steering, '10_a');
  await begin(steering, '20_b');
  steering.ended({ ...ended, layer: '10_a', failure });
  steering.ended({ ...ended, layer: '20_b', failure: fail('interrupted', 'x').failure });
  const later = new BuildSteering(THEN, failures);
  assert.deepEqual(await later.beforeRun('11_a', key('10_a')), { ok: false, failure });
  await begin(later, '20_b');
  failures.clear();
  await begin(later, '11_a');
});

test('failures are kept for a while, not for ever', () => {
  const failures = new Failures();
  const { failure } = fail('work', 'it failed');
  for (let n = 0; n < 1000; n++) failures.add(key(String(n)), failure);
  assert.equal(failures.size, 100);
  assert.equal(failures.get(key('899')), undefined);
  assert.equal(failures.get(key('900')), failure);
});
