// What QEMU may do to a command: answer, fail, end, or none of these.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { Qmp } from '../../../../src/host/vm/qmp.ts';
import { Tree } from '../../../rig/tree.ts';

/** A QEMU that answers with what a function says for a command; undefined: not at all. */
async function qemu(answer: (command: string) => object | undefined, patience?: number) {
  const tree = new Tree();
  const server = createServer().listen(tree.path('control'));
  await once(server, 'listening');
  const client = createConnection(tree.path('control')).on('error', () => {}); // as listenIn has it
  const [other]: [Socket] = await new Promise((resolve) =>
    server.once('connection', (socket) => resolve([socket])),
  );
  other.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().trim().split('\n')) {
      const { execute, id } = JSON.parse(line);
      const said = answer(execute);
      if (said) other.write(`${JSON.stringify({ ...said, id })}\n`);
    }
  });
  const end = async () => {
    client.destroy();
    other.destroy();
    server.close();
    tree[Symbol.dispose]();
  };
  return { qmp: new Qmp(client, patience), other, [Symbol.asyncDispose]: end };
}

test('an error is a failure with what QEMU says', async () => {
  await using machine = await qemu(() => ({ error: { class: 'GenericError', desc: 'no such device' } }));
  const answer = await machine.qmp.run('device_del');
  assert.ok(!answer.ok && answer.failure.message === 'QEMU: no such device');
});

test('a QEMU that does not answer fails the command in time', { timeout: 10_000 }, async () => {
  await using machine = await qemu(() => undefined, 50);
  const answer = await machine.qmp.run('blockdev-del');
  assert.ok(!answer.ok && answer.failure.message === 'QEMU does not answer');
});

test('a QEMU that ends fails what waits', { timeout: 10_000 }, async () => {
  await using machine = await qemu(() => undefined);
  const [waiting, unplugged] = [machine.qmp.run('blockdev-del'), machine.qmp.unplug('disk1')];
  machine.other.destroy();
  for (const answer of [await waiting, await unplugged]) {
    assert.ok(!answer.ok && answer.failure.message === 'the virtual machine has ended');
  }
  assert.equal((await machine.qmp.run('blockdev-del')).ok, false);
});

test('answers and events of a hostile QEMU are no answers of other commands', {
  timeout: 10_000,
}, async () => {
  await using machine = await qemu((command) => (command === 'second' ? { return: {} } : undefined), 200);
  machine.other.write(
    '{"id":"1","return":{}}\n{"id":-1}\n[]\nnull\n{"event":"DEVICE_DELETED","data":null}\n{"id":99,"error":7}\n',
  );
  const [first, second] = await Promise.all([machine.qmp.run('first'), machine.qmp.run('second')]);
  assert.equal(first.ok, false);
  assert.equal(second.ok, true);
});
