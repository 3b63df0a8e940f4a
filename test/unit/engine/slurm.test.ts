// What Slurm's commands are given and print.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSlurm, parseStates } from '../../../src/engine/slurm/slurm.ts';
import { fail, ok } from '../../../src/model/failure.ts';
import { valueIn } from '../../rig/tree.ts';

const LIVE = new AbortController().signal;

test('states, with words that only Slurm knows', () => {
  const states = parseStates(
    '7|RUNNING|node1\n 8|PENDING|\n9|COMPLETED|node2\n10|NODE_FAIL|node3\n\nnonsense\n',
  );
  assert.deepEqual(
    [...states].map(([id, { state, node }]) => [id, state, node]),
    [
      ['7', 'running', 'node1'],
      ['8', 'waiting', undefined],
      ['9', 'over', 'node2'],
      ['10', 'over', 'node3'],
    ],
  );
});

test('a job depends on others, and its files have the names that they are given', async () => {
  const calls: (readonly string[])[] = [];
  const slurm = openSlurm({
    run: async (command, args) => {
      calls.push([command, ...args]);
      return ok({ stdout: '12;cluster\n' });
    },
  });
  const job = {
    ...{ name: '20_app', resources: { cpus: 2, gres: [] }, needs: ['7', '8'], script: '#!/bin/sh\n' },
    ...{ directory: '/p', stdout: '/p/100%.out', stderr: '/p/1.err' },
  };
  assert.equal(valueIn(await slurm.submit(job)), '12');
  for (const option of [
    '--cpus-per-task=2',
    '--dependency=afterok:7:8',
    '--output=/p/100%%.out',
    '--requeue',
  ]) {
    assert.ok(calls[0]?.includes(option), option);
  }
});

test('a job that Slurm has forgotten is over', async () => {
  const unknown = fail('host', 'squeue failed', {
    detail: ['slurm_load_jobs error: Invalid job id specified'],
  });
  const slurm = openSlurm({ run: async () => unknown });
  assert.equal(valueIn(await slurm.watch(['5'], LIVE)).get('5')?.state, 'over');
  const silent = openSlurm({
    run: async () => fail('host', 'squeue failed', { detail: ['Connection refused'] }),
  });
  assert.equal((await silent.watch(['5'], LIVE)).ok, false);
});
