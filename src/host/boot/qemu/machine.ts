// A running QEMU without a terminal: its console, its sockets, its end.

import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { dyingWithParent } from '../../process/lifetime.ts';
import { type Child, lastLines, start } from '../../process/run.ts';
import { type MachineSpec, qemuArguments } from './arguments.ts';
import { type Control, openControl, type Pause, type ShutdownReason } from './control.ts';
import { listenIn } from './sockets.ts';

export interface Machine extends AsyncDisposable {
  /** Must be read, or QEMU blocks. */
  readonly console: Readable;
  /** What is written here is typed into the console. */
  readonly keyboard: Writable;
  /** The channel to the guest's agent, if one was requested. */
  readonly agent: Promise<Socket> | undefined;
  /** What a script gets into the guest by, if that was requested. */
  readonly handOver: HandOverPorts | undefined;
  /** Settles when QEMU pauses the guest because of an error. */
  readonly paused: Promise<Pause>;
  /** Settles when QEMU has ended and its console has been read to the end. */
  readonly ended: Promise<MachineEnd>;
}

export interface HandOverPorts {
  readonly control: Promise<Control>;
  readonly input: Promise<Socket>;
  readonly output: Promise<Socket>;
  /** Lines of the guest, once the port is plugged in. */
  readonly words: Promise<Socket>;
}

export interface MachineEnd {
  readonly status: number | undefined;
  readonly signal: string | undefined;
  readonly reason: ShutdownReason | undefined;
  /** The last lines of QEMU's standard error. */
  readonly complaints: readonly string[];
}

const COMPLAINT_LINES = 10;
const COMPLAINT_CHARACTERS = 8192;

export interface StartOptions {
  /** A directory for its sockets and its overlay. */
  readonly scratch: string;
  readonly agent: boolean;
  /** A text for systemd-tmpfiles in the guest, with which a script gets into it. */
  readonly tmpfiles?: string;
}

/**
 * Starts QEMU. Disposing of the machine kills it: what it has not yet written to a disk that it writes to is lost.
 * @param command the QEMU program, which must be installed
 */
export async function startMachine(
  command: string,
  spec: MachineSpec,
  { scratch, agent: withAgent, tmpfiles }: StartOptions,
): Promise<Machine> {
  const control = await listenIn(scratch, 'control');
  const agent = withAgent ? await listenIn(scratch, 'agent') : undefined;
  const listeners = tmpfiles === undefined ? undefined : await listenForScript(scratch);
  const args = qemuArguments(spec, {
    type: 'watched',
    control: control.name,
    agent: agent?.name,
    handOver: listeners && tmpfiles !== undefined ? { tmpfiles, ...listeners.names } : undefined,
  });
  const child = await start(...dyingWithParent('KILL', command, args), {
    cwd: scratch, // the sockets are given by their names alone
    env: { TMPDIR: scratch },
    detached: true,
  });
  const opened = control.connection.then(openControl);
  const ended = machineEnd(child, opened);
  return {
    console: child.stdout,
    keyboard: child.stdin,
    agent: agent?.connection,
    handOver: listeners && { control: opened, ...listeners.connections },
    paused: opened.then(({ paused }) => paused),
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
      await control[Symbol.asyncDispose]();
      await agent?.[Symbol.asyncDispose]();
      for (const listener of listeners?.all ?? []) await listener[Symbol.asyncDispose]();
    },
  };
}

async function listenForScript(scratch: string) {
  const input = await listenIn(scratch, 'input');
  const output = await listenIn(scratch, 'output');
  const words = await listenIn(scratch, 'words');
  return {
    all: [input, output, words],
    names: { input: input.name, output: output.name, words: words.name },
    connections: { input: input.connection, output: output.connection, words: words.connection },
  };
}

async function machineEnd(child: Child, opened: Promise<Control>): Promise<MachineEnd> {
  const complaints = collectEnd(child.stderr);
  const consoleRead = closed(child.stdout);
  const end = await child.ended;
  if (!end.ok) return { ...NO_END, complaints: [end.failure.message] };
  await consoleRead;
  // A QEMU that failed to start never connected.
  const control = await Promise.race([opened, setImmediate(undefined)]);
  await control?.closed;
  return {
    ...end.value,
    reason: control?.shutdownReason(),
    complaints: lastLines(complaints(), COMPLAINT_LINES),
  };
}

const NO_END = { status: undefined, signal: undefined, reason: undefined };

/** Reads a stream and keeps its end. */
function collectEnd(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text = (text + chunk).slice(-COMPLAINT_CHARACTERS);
  });
  return () => text;
}

function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => stream.once('close', resolve));
}
