// A running QEMU without a terminal: its console, its sockets, its end.

import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { dyingWithParent } from '../../process/lifetime.ts';
import { type Child, lastLines, start } from '../../process/run.ts';
import { type MachineSpec, qemuArguments } from './arguments.ts';
import { type Control, openControl, type Pause, type ShutdownReason } from './control.ts';
import { listenIn } from './sockets.ts';

export interface Machine extends AsyncDisposable {
  /** Must be read, or QEMU blocks. */
  readonly console: Readable;
  /** The channel to the guest's agent, if one was requested. */
  readonly agent: Promise<Socket> | undefined;
  /** Settles when QEMU pauses the guest because of an error. */
  readonly paused: Promise<Pause>;
  /** Settles when QEMU has ended and its console has been read to the end. */
  readonly ended: Promise<MachineEnd>;
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

/**
 * Starts QEMU. Disposing of the machine kills it, which loses nothing: all changes to its disk are discarded.
 * @param command the QEMU program, which must be installed
 * @param scratch a directory for its sockets and its overlay
 */
export async function startMachine(
  command: string,
  spec: MachineSpec,
  { scratch, agent: withAgent }: { readonly scratch: string; readonly agent: boolean },
): Promise<Machine> {
  const control = await listenIn(scratch, 'control');
  const agent = withAgent ? await listenIn(scratch, 'agent') : undefined;
  const args = qemuArguments(spec, { type: 'watched', control: control.name, agent: agent?.name });
  const child = await start(...dyingWithParent('KILL', command, args), {
    cwd: scratch, // the sockets are given by their names alone
    env: { TMPDIR: scratch },
    detached: true,
  });
  const opened = control.connection.then(openControl);
  const ended = machineEnd(child, opened);
  return {
    console: child.stdout,
    agent: agent?.connection,
    paused: opened.then(({ paused }) => paused),
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
      await control[Symbol.asyncDispose]();
      await agent?.[Symbol.asyncDispose]();
    },
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
