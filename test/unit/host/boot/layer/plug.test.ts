// A guest that opens the port for words at any moment is told so exactly when the port stays: over a real socket, with the other side of QMP.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { plugUntilOpen } from '../../../../../src/host/boot/layer/plug.ts';
import { openControl } from '../../../../../src/host/boot/qemu/control.ts';

type Line = Readonly<Record<string, unknown>>;

/** Both ends of a connection: vlb's, and QEMU's, which calls `onCommand` for each command, and answers it then. */
async function connected(onCommand: (command: unknown, say: (line: Line) => void) => void) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>; // the events of net.Server
  const ours = connect((server.address() as AddressInfo).port, '127.0.0.1'); // it listens on TCP
  const [theirs] = await accepted;
  const say = (line: Line) => theirs.write(`${JSON.stringify(line)}\r\n`);
  let held = '';
  theirs.on('data', (chunk) => {
    const lines = (held + chunk).split('\n');
    held = lines.pop() ?? '';
    for (const line of lines) {
      const { execute, id } = JSON.parse(line);
      onCommand(execute, say);
      say({ return: {}, ...(id === undefined ? {} : { id }) });
    }
  });
  return {
    control: openControl(ours),
    say,
    [Symbol.asyncDispose]: async () => {
      ours.destroy();
      theirs.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const opened = (open: boolean): Line => ({ event: 'VSERPORT_CHANGE', data: { id: 'vlb', open } });

test('a guest that opens the port is told to go on, once', { timeout: 20_000 }, async () => {
  await using qemu = await connected((command, say) => {
    if (command === 'device_add') setTimeout(() => say(opened(true)), 150);
  });
  const words = new PassThrough();
  await plugUntilOpen(qemu.control, words, new AbortController().signal);
  assert.equal(String(words.read()), 'go\n');
});

test('a port that is opened while it is taken out is plugged in again', { timeout: 20_000 }, async () => {
  const commands: unknown[] = [];
  await using qemu = await connected((command, say) => {
    commands.push(command);
    const isFirst = commands.length === 2;
    if (command === 'device_del' && isFirst) say(opened(true));
    if (command === 'device_add' && commands.length === 3) setTimeout(() => say(opened(true)), 50);
  });
  const words = new PassThrough();
  await plugUntilOpen(qemu.control, words, new AbortController().signal, { pluggedMs: 200 });
  assert.deepEqual(commands, ['device_add', 'device_del', 'device_add']);
  assert.equal(String(words.read()), 'go\n');
});

test('a port that is opened last is not taken out', { timeout: 20_000 }, async () => {
  const commands: unknown[] = [];
  await using qemu = await connected((command, say) => {
    commands.push(command);
    if (command === 'device_add') setTimeout(() => say(opened(true)), 250);
  });
  await plugUntilOpen(qemu.control, new PassThrough(), new AbortController().signal, { pluggedMs: 300 });
  assert.deepEqual(commands, ['device_add']);
});

test('nothing is plugged in when the machine is over', { timeout: 20_000 }, async () => {
  const commands: unknown[] = [];
  await using qemu = await connected((command) => commands.push(command));
  const over = new AbortController();
  setTimeout(() => over.abort(), 250);
  await plugUntilOpen(qemu.control, new PassThrough(), over.signal, { pluggedMs: 10_000 });
  assert.equal(commands.filter((command) => command === 'device_add').length, 1);
});
