// Answers of a guest agent that no agent of QEMU gives: the guest controls it.

import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { GuestAgent } from '../../../../../src/host/boot/guest/agent.ts';
import { runInGuest } from '../../../../../src/host/boot/guest/command.ts';

/** Runs a command with an agent that answers its requests like this, in order. */
async function answered(...answers: readonly unknown[]) {
  const [host, guest] = duplexPair();
  let next = 0;
  guest.on('data', () => guest.write(`${JSON.stringify(answers[next++])}\n`));
  try {
    return await runInGuest(new GuestAgent(host), 'true', AbortSignal.timeout(5000));
  } finally {
    host.destroy();
  }
}

const OUTPUT = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };

test('a refusal whose description is not a text', async () => {
  const refused = { type: 'refused', message: 'no description' };
  assert.deepEqual(await answered({ error: { desc: { toString: 1 } } }), refused);
  assert.deepEqual(await answered({ error: {} }), refused);
});

for (const [what, end, status] of [
  ['an exit status', { exitcode: 7 }, 7],
  ['a signal', { signal: 9 }, 137],
  ['an exit status that is not a byte', { exitcode: 1e9 }, 255],
  ['a negative one', { exitcode: -1 }, 255],
  ['a signal that is not a number', { signal: { toString: 1 } }, 255],
  ['neither', {}, 255],
] as const) {
  test(`an end with ${what}`, async () => {
    const ended = await answered({ return: { pid: 1 } }, { return: { exited: true, ...end } });
    assert.deepEqual(ended, { type: 'ended', status, output: OUTPUT });
  });
}
