// A command beside the one that a root shell on another machine runs, on vlb's own streams.

import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { ok, type Result } from '../../model/failure.ts';
import { escapeLine, type JoinStreams, type RootShell } from './root-shell.ts';

/** What the other machine opens for it. */
export interface Beside {
  /** Opens an agent in the namespaces of the root shell. */
  open(): Promise<Result<RootShell>>;
  /** Opens a way for the input of a command, which the agent there finds by this name. */
  openInput(): Promise<Result<RemoteInput>>;
}

export interface RemoteInput extends AsyncDisposable {
  readonly name: string;
  readonly stream: Writable;
}

const USUAL_SIZE = { rows: 24, columns: 80 };

/**
 * Runs a command, see `join` of a RootShell.
 * @param file a path there
 * @param ended settles when the root shell has ended: the command then fails as `interrupted`
 */
export async function joinRemote(
  beside: Beside,
  argv: readonly string[],
  file: string,
  streams: JoinStreams,
  ended: Promise<unknown>,
): Promise<Result<number>> {
  const opened = await beside.open();
  if (!opened.ok) return opened;
  await using shell = opened.value;
  void ended.then(() => shell.kill());
  if (streams === 'none') return await shell.stream(argv, () => undefined);
  const input = await beside.openInput();
  if (!input.ok) return input;
  await using port = input.value;
  if (streams === 'own') return await passOn(shell, ['with_input', port.name, ...argv], port);
  const written = await shell.write(file, Buffer.from(argv.map((word) => `${escapeLine(word)}\n`).join('')));
  if (!written.ok) return written;
  const command = ['in_terminal', ...sizeHere(), file];
  await using size = followSize(beside, file);
  process.stdin.setRawMode(true);
  process.stdout.on('resize', size.follow);
  try {
    return await passOn(shell, ['with_input', port.name, ...command], port);
  } finally {
    process.stdout.off('resize', size.follow);
    process.stdin.setRawMode(false);
  }
}

/** The rows and columns of vlb's own terminal. */
function sizeHere(): readonly [string, string] {
  const { rows, columns } = { ...USUAL_SIZE, ...sizeOf(process.stdout) };
  return [String(rows), String(columns)];
}

/** Has a terminal on the other machine follow the size of vlb's own. The agent for that is opened by the first change. */
function followSize(beside: Beside, file: string): AsyncDisposable & { readonly follow: () => void } {
  let opened: ReturnType<Beside['open']> | undefined;
  let done: Promise<unknown> = Promise.resolve();
  const resize = async () => {
    opened ??= beside.open();
    const agent = await opened;
    // Where it fails, the terminal keeps its size.
    if (agent.ok) await agent.value.run(['resize', ...sizeHere(), file], [0, 1]);
  };
  return {
    follow: () => {
      done = done.then(resize);
    },
    [Symbol.asyncDispose]: async () => {
      await done;
      const agent = await opened;
      if (agent?.ok) await agent.value[Symbol.asyncDispose]();
    },
  };
}

function sizeOf({ rows, columns }: typeof process.stdout): Partial<typeof USUAL_SIZE> {
  return rows > 0 && columns > 0 ? { rows, columns } : {};
}

/** Runs a command with vlb's streams for its own. */
async function passOn(
  shell: RootShell,
  argv: readonly string[],
  { stream }: RemoteInput,
): Promise<Result<number>> {
  process.stdin.pipe(stream);
  try {
    const passed = await shell.pass(argv, { stdout: to(process.stdout), stderr: to(process.stderr) });
    return passed.ok ? ok(passed.value) : passed;
  } finally {
    process.stdin.unpipe(stream);
    process.stdin.pause();
  }
}

/** Waits where the reader is slower. */
function to(stream: NodeJS.WriteStream) {
  return (chunk: Buffer) => (stream.write(chunk) ? undefined : once(stream, 'drain').then(() => undefined));
}
