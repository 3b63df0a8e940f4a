// The sockets that QEMU connects to.

import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import { listenIn } from '../../../../../src/host/boot/qemu/sockets.ts';
import { Tree } from '../../../../rig/tree.ts';

test('a listener that is closed twice closes nothing else', async () => {
  using tree = new Tree({});
  const listener = await listenIn(tree.directory, 'socket');
  const client = connect(tree.path('socket')).on('error', () => {});
  await listener.connection;
  const [first, second] = [listener[Symbol.asyncDispose](), listener[Symbol.asyncDispose]()];
  await first;
  const other = openSync('/dev/null', 'r');
  await second;
  await listener[Symbol.asyncDispose]();
  assert.equal(fstatSync(other).isCharacterDevice(), true);
  closeSync(other);
  client.destroy();
});

test('a listener that cannot begin leaves no file open', async () => {
  using tree = new Tree({});
  const before = readdirSync('/proc/self/fd').length;
  await assert.rejects(listenIn(tree.directory, 'no/socket'));
  assert.equal(readdirSync('/proc/self/fd').length, before);
});
