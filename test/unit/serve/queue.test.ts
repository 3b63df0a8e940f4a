// The queue of jobs: what it runs, what it keeps to itself, and how it ends.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fail, ok } from '../../../src/model/failure.ts';
import { JobFiles } from '../../../src/serve/jobs/files.ts';
import type { JobRequest } from '../../../src/serve/jobs/job.ts';
import { Queue, type RunJob } from '../../../src/serve/jobs/queue.ts';
import { failureIn, Tree, valueIn } from '../../rig/tree.ts';

const BUILD: JobRequest = { kind: 'build', targets: [], params: [], force: false, keepGoing: false };
const DONE = {
  type: 'finished',
  ok: true,
  counts: { fresh: 0, restored: 0, built: 0, failed: 0, skipped: 0 },
  seconds: 0,
  failures: [],
} as const;

function queueIn(tree: Tree, run: RunJob): Queue {
  return new Queue(new JobFiles(tree.path('jobs'), () => true), 'me', run);
}

test('nothing is added and nothing begins once it is closed', async () => {
  using tree = new Tree();
  const begun: string[] = [];
  const queue = queueIn(tree, async (_request, _secrets, { signal }) => {
    begun.push('job');
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    return fail('interrupted', 'interrupted');
  });
  const first = valueIn(queue.add(BUILD, undefined));
  const closed = queue.close();
  // A connection that is still open asks for one more.
  assert.match(failureIn(queue.add(BUILD, undefined)).message, /about to end/);
  await closed;
  assert.deepEqual(begun, ['job']);
  assert.deepEqual(
    queue.files.list().map(({ id, state }) => [id, state]),
    [[first.id, 'cancelled']],
  );
});

test('a job has the secrets that it was added with, and no file has them', async () => {
  using tree = new Tree();
  const seen: string[] = [];
  const queue = queueIn(tree, async (_request, secrets) => {
    seen.push(JSON.stringify([...secrets]));
    for (const name of readdirSync(tree.path('jobs'))) assert.ok(!tree.read('jobs', name).includes('hidden'));
    return ok(DONE);
  });
  const { id } = valueIn(queue.add(BUILD, undefined, new Map([['token', 'hidden']])));
  valueIn(queue.add(BUILD, undefined));
  while (queue.files.list().some(({ state }) => state !== 'done')) await new Promise(setImmediate);
  assert.deepEqual(seen, ['[["token","hidden"]]', '[]']);
  assert.ok(!tree.read('jobs', `${id}.json`).includes('hidden'));
});
