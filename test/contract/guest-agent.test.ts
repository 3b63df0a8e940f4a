// The guest agent's client against real qemu-ga processes, behind a double of the virtio-serial port that outlives them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Duplex, duplexPair } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { GuestAgent } from '../../src/host/boot/guest/agent.ts';
import { type GuestCommandEnd, runInGuest } from '../../src/host/boot/guest/command.ts';
import { type Child, isInstalled, start } from '../../src/host/process/run.ts';

const never = new AbortController().signal;

/** A port of a guest: what is written to it while no agent has it open waits. */
class VirtioPort implements AsyncDisposable {
  readonly host: Duplex;
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'vlb-test-agent-'));
  readonly #guest: Duplex;
  #agent: Child | undefined;
  #socket: Socket | undefined;

  constructor() {
    assert.ok(isInstalled('qemu-ga'), 'this needs qemu-ga, of the package qemu-guest-agent');
    [this.host, this.#guest] = duplexPair();
  }

  /** What comes out of the port before and beside an agent. */
  emit(bytes: Uint8Array | string): void {
    this.#guest.write(bytes);
  }

  /** Starts an agent and gives it the port. With `dribble` its answers come byte by byte. */
  async startAgent({
    args = [],
    dribble = false,
  }: {
    args?: string[];
    dribble?: boolean;
  } = {}): Promise<void> {
    const file = path.join(this.#directory, 'agent');
    rmSync(file, { force: true });
    this.#agent = await start('qemu-ga', ['-m', 'unix-listen', '-p', file, '-t', this.#directory, ...args]);
    this.#agent.stdout.resume();
    this.#agent.stderr.resume();
    const socket = await connectTo(file);
    socket.on('data', (bytes) => {
      if (!dribble) this.#guest.write(bytes);
      else for (const byte of bytes) this.#guest.write(Uint8Array.of(byte));
    });
    this.#socket = socket;
    this.#guest.pipe(socket, { end: false });
  }

  /** Lets the agent do nothing from now on, without taking the port from it. */
  freezeAgent(): void {
    this.#agent?.kill('SIGSTOP');
  }

  thawAgent(): void {
    this.#agent?.kill('SIGCONT');
  }

  async killAgent(): Promise<void> {
    if (this.#socket) this.#guest.unpipe(this.#socket);
    this.#agent?.kill('SIGKILL');
    await this.#agent?.ended;
    this.#socket?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killAgent();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Connects to an agent that is starting: its socket is there a moment before it listens. */
async function connectTo(file: string): Promise<Socket> {
  for (let tries = 0; ; tries++) {
    const socket = connect(file);
    try {
      await once(socket, 'connect');
      return socket.on('error', () => {}); // it may be killed at any time
    } catch (error) {
      if (tries > 500) throw error;
      await sleep(10);
    }
  }
}

/** A command's end, with its output as text. */
async function exec(agent: GuestAgent, command: string, signal = never) {
  return readable(await runInGuest(agent, command, signal));
}

function readable(end: GuestCommandEnd) {
  if (end.type !== 'ended') return end;
  const { stdout, stderr } = end.output;
  return {
    status: end.status,
    stdout: Buffer.from(stdout).toString(),
    stderr: Buffer.from(stderr).toString(),
  };
}

test('a command’s output and exit status come back', async () => {
  await using port = new VirtioPort();
  await port.startAgent();
  const agent = new GuestAgent(port.host);
  assert.ok(await agent.answers(never));
  assert.deepEqual(await exec(agent, 'echo out; echo err >&2'), {
    status: 0,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  assert.deepEqual(await exec(agent, `printf '%s' "$0 a'b"; exit 42`), {
    status: 42,
    stdout: "/bin/sh a'b",
    stderr: '',
  });
  assert.deepEqual(await exec(agent, 'kill -9 $$'), { status: 137, stdout: '', stderr: '' });
  assert.deepEqual(
    await exec(agent, 'sleep 0.7; cat'),
    { status: 0, stdout: '', stderr: '' },
    'its input is empty',
  );
});

test('output may be large, and need not be text', async () => {
  await using port = new VirtioPort();
  await port.startAgent();
  const agent = new GuestAgent(port.host);
  assert.ok(await agent.answers(never));
  const end = await runInGuest(agent, `head -c 6000000 /dev/zero | tr '\\0' '\\377'`, never);
  assert.equal(end.type, 'ended');
  if (end.type !== 'ended') return;
  assert.equal(end.output.stdout.length, 6_000_000);
  assert.ok(end.output.stdout.every((byte) => byte === 0xff));
});

test('an agent that comes late answers, and the requests that waited for it do no harm', async () => {
  await using port = new VirtioPort();
  const agent = new GuestAgent(port.host);
  const answers = agent.answers(never);
  await sleep(4000); // long enough for three requests
  await port.startAgent();
  assert.ok(await answers);
  for (let run = 0; run < 5; run++) {
    assert.deepEqual(await exec(agent, `echo ${run}`), { status: 0, stdout: `${run}\n`, stderr: '' });
  }
});

test('rubbish before and between the answers is skipped', async () => {
  await using port = new VirtioPort();
  port.emit(Buffer.from([0, 0xc3, 0x28, 0x7b, 0xff]));
  port.emit('{"return": 1}\n[]\nnull\n{"return": {"half');
  await port.startAgent({ dribble: true });
  const agent = new GuestAgent(port.host);
  assert.ok(await agent.answers(never));
  port.emit('login: \n');
  assert.deepEqual(await exec(agent, 'echo fine'), { status: 0, stdout: 'fine\n', stderr: '' });
});

test('half a request from somebody before does no harm', async () => {
  await using port = new VirtioPort();
  await port.startAgent();
  port.host.write('{"execute":"guest-exec","arguments":{"path":"');
  const agent = new GuestAgent(port.host);
  assert.ok(await agent.answers(never));
  assert.deepEqual(await exec(agent, 'echo fine'), { status: 0, stdout: 'fine\n', stderr: '' });
});

test('an agent that is started anew while the command runs has lost it', async () => {
  await using port = new VirtioPort();
  await port.startAgent();
  const agent = new GuestAgent(port.host, { doubtAfter: 300 });
  assert.ok(await agent.answers(never));
  const end = exec(agent, 'sleep 3');
  await sleep(200);
  await port.killAgent();
  await port.startAgent();
  assert.deepEqual(await end, { type: 'lost' });
});

test('an agent that is started anew before it took the command has lost it, and it is not sent twice', async () => {
  await using port = new VirtioPort();
  await port.startAgent();
  const agent = new GuestAgent(port.host, { doubtAfter: 300 });
  assert.ok(await agent.answers(never));
  port.freezeAgent();
  const end = exec(agent, 'true');
  await sleep(100);
  await port.killAgent();
  await port.startAgent();
  assert.deepEqual(await end, { type: 'lost' });
  assert.ok(await agent.answers(never), 'the new one can be asked');
  assert.deepEqual(await exec(agent, 'echo again'), { status: 0, stdout: 'again\n', stderr: '' });
});

test('an agent that is only slow is waited for', async () => {
  await using port = new VirtioPort();
  await port.startAgent();
  const agent = new GuestAgent(port.host, { doubtAfter: 50 });
  assert.ok(await agent.answers(never));
  port.freezeAgent();
  const end = exec(agent, 'echo slow');
  await sleep(400); // it is doubted by now
  port.thawAgent();
  assert.deepEqual(await end, { status: 0, stdout: 'slow\n', stderr: '' });
});

test('an agent that may not run commands says so', async () => {
  await using port = new VirtioPort();
  await port.startAgent({ args: ['-b', 'guest-exec'] });
  const agent = new GuestAgent(port.host);
  assert.ok(await agent.answers(never));
  const end = await exec(agent, 'true');
  assert.ok('type' in end && end.type === 'refused');
  assert.match(end.message, /disabled/);
});

test('an abort ends every wait', async () => {
  await using port = new VirtioPort();
  const agent = new GuestAgent(port.host);
  assert.equal(await agent.answers(AbortSignal.timeout(200)), false);
  await port.startAgent();
  assert.ok(await agent.answers(never));
  const startedAt = performance.now();
  assert.deepEqual(await exec(agent, 'sleep 2', AbortSignal.timeout(300)), { type: 'aborted' });
  assert.ok(performance.now() - startedAt < 1500);
});
