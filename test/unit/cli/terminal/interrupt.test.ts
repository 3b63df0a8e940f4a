// What a command that was ended from outside returns.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endAll, interruptible } from '../../../../src/cli/terminal/interrupt.ts';
import { fail, ok } from '../../../../src/model/failure.ts';

test('a command that fails, whether it is ended from outside or not', async () => {
  assert.equal(await interruptible(async () => ok()), 0);
  const broken = fail('host', 'the disk is broken');
  assert.equal(await interruptible(async () => broken), broken.failure);
  const ended = interruptible(async (signal) => {
    endAll('SIGTERM');
    return signal.aborted ? broken : ok();
  });
  assert.equal(await ended, 143);
});
