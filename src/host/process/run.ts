// Runs external commands. The only file that imports execa; everything else that starts a process calls this one.

import { constants, WriteStream } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { ignoresTerminal } from '../../model/environment.ts';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import { attempt } from '../../util/errors.ts';
import { isAllowed } from '../../util/fs.ts';
import { quoteCommand } from '../../util/quote.ts';
import { traceAction } from '../../util/trace.ts';
import { packageHint } from './packages.ts';

/** Loaded with the first command: a build with nothing to do starts none, and loading it takes half as long as all the rest. */
const loadExeca = () => import('execa');

export interface RunOptions {
  readonly cwd?: string;
  /** Added to vlb's own environment; an undefined value removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Ends the command with SIGTERM, then SIGKILL. */
  readonly signal?: AbortSignal;
  /** Written to the command's standard input; without it the input is empty. */
  readonly input?: string;
  /** Takes the command's standard output, which is then not returned. The command writes to an open file itself. */
  readonly output?: Writable;
  /** Discards what the command writes to its standard error. */
  readonly discardErrors?: boolean;
  /** The exit statuses that are not failures; default only 0. */
  readonly okStatuses?: readonly number[];
}

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** How many of a failed command's last lines are shown. */
const TAIL_LINES = 15;

/**
 * Runs a command to its end, without a shell.
 * Fails as `host` when the tool is missing (naming its package), as `interrupted` on abort, and as `host`
 * with the command, its exit status and its last lines when it fails.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Result<Output>> {
  const { execa } = await loadExeca();
  const traceEnd = traceCommand([command, ...args], options.cwd);
  const result = await execa(command, args, {
    reject: false,
    stripFinalNewline: false,
    stdin: options.input === undefined ? 'ignore' : 'pipe',
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.output === undefined ? {} : outputTo(options.output)),
    ...(options.discardErrors ? { stderr: 'ignore' as const } : {}),
    detached: ignoresTerminal(process.env),
    ...commonOptions(options),
  });
  traceEnd(result);
  if (result.isCanceled) return fail('interrupted', `${command} was interrupted`);
  const unwritten = options.output?.errored;
  if (unwritten) return fail('host', `cannot write what ${command} prints: ${unwritten.message}`);
  if (!hasStarted(result)) return startFailure(command, result.code);
  const output = { stdout: result.stdout ?? '', stderr: result.stderr ?? '', status: result.exitCode ?? 128 };
  if (result.exitCode !== undefined && (options.okStatuses ?? [0]).includes(result.exitCode))
    return ok(output);
  return {
    ok: false,
    failure: commandFailure([command, ...args], endOf(result), output.stderr || output.stdout),
  };
}

function outputTo(output: Writable) {
  const stdout = output instanceof WriteStream ? output : (['pipe', output] as ['pipe', Writable]);
  return { stdout, buffer: { stdout: false } };
}

/** A process that vlb started and talks to while it runs. */
export interface Child {
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  kill(signal: NodeJS.Signals): void;
  /** Settles when the process has ended and its output is read; fails only when it could not be started. */
  readonly ended: Promise<Result<ChildEnd>>;
}

/** How a child ended: an exit status, or the signal that killed it. */
export interface ChildEnd {
  readonly status: number | undefined;
  readonly signal: string | undefined;
}

/** Starts a command in the background, whose streams belong to the caller. It is killed when vlb exits. */
export async function start(
  command: string,
  args: readonly string[],
  options: Pick<RunOptions, 'cwd' | 'env'> & {
    /** A session of its own, so that a terminal's ^C reaches vlb alone. */
    readonly detached?: boolean;
  } = {},
): Promise<Child> {
  const { detached = ignoresTerminal(process.env) } = options;
  const { execa } = await loadExeca();
  const traceEnd = traceCommand([command, ...args], options.cwd);
  const child = execa(command, args, {
    reject: false,
    buffer: false,
    stdin: 'pipe',
    detached,
    ...commonOptions(options),
  });
  // `ended` reports the end of the child; a failed write to it must not report it a second time.
  child.stdin.on('error', () => {});
  return {
    pid: child.pid,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    kill: (signal) => void child.kill(signal),
    ended: child.then((result) => {
      traceEnd(result);
      return hasStarted(result)
        ? ok({ status: result.exitCode, signal: result.signal })
        : startFailure(command, result.code);
    }),
  };
}

/**
 * Hands the terminal to a command until it ends: for interactive programs.
 * Returns its exit status, or 128 plus the signal's number if it was killed. Fails as `interrupted` on abort, after SIGTERM
 * gave it time to restore the terminal.
 */
export async function runInTerminal(
  command: string,
  args: readonly string[],
  options: Pick<RunOptions, 'cwd' | 'env' | 'signal'> = {},
): Promise<Result<number>> {
  const { execa } = await loadExeca();
  const traceEnd = traceCommand([command, ...args], options.cwd);
  const result = await execa(command, args, {
    reject: false,
    stdio: 'inherit',
    ...commonOptions(options),
  });
  traceEnd(result);
  if (result.isCanceled) return fail('interrupted', `${command} was interrupted`);
  if (!hasStarted(result)) return startFailure(command, result.code);
  return ok(result.exitCode ?? 128 + (result.signal === undefined ? 0 : os.constants.signals[result.signal]));
}

/**
 * Runs a command line of the user in a shell, with vlb's own output and no input. On abort everything that it started ends
 * with it. Returns its exit status.
 * @param stdout where its standard output goes
 */
export async function runLine(
  line: string,
  stdout: 'stdout' | 'stderr',
  signal: AbortSignal,
): Promise<Result<number>> {
  const { execa } = await loadExeca();
  if (signal.aborted) return fail('interrupted', 'the command was interrupted');
  // In a process group of its own, which can be killed as a whole.
  const traceEnd = traceCommand(['sh', '-c', line], undefined);
  const child = execa('sh', ['-c', line], {
    reject: false,
    stdio: ['ignore', stdout === 'stdout' ? 1 : 2, 2],
    detached: true,
  });
  const timers: NodeJS.Timeout[] = [];
  const end = () => {
    killGroup(child.pid, 'SIGTERM');
    timers.push(setTimeout(() => killGroup(child.pid, 'SIGKILL'), 1000));
  };
  signal.addEventListener('abort', end, { once: true });
  const result = await child;
  traceEnd(result);
  signal.removeEventListener('abort', end);
  timers.forEach(clearTimeout);
  if (signal.aborted) {
    killGroup(child.pid, 'SIGKILL'); // what outlived the shell
    return fail('interrupted', 'the command was interrupted');
  }
  if (!hasStarted(result)) return startFailure('sh', result.code);
  return ok(result.exitCode ?? 128);
}

/**
 * Whether a command succeeds within `limit` ms. Its output is discarded, and everything that it started ends with it: some tools
 * leave processes behind when they fail.
 */
export async function succeeds(command: string, args: readonly string[], limit: number): Promise<boolean> {
  const { execa } = await loadExeca();
  const traceEnd = traceCommand([command, ...args], undefined);
  const child = execa(command, args, { reject: false, stdio: 'ignore', detached: true });
  const timer = setTimeout(() => killGroup(child.pid, 'SIGKILL'), limit);
  const result = await child;
  clearTimeout(timer);
  killGroup(child.pid, 'SIGKILL');
  traceEnd(result);
  return result.exitCode === 0;
}

/** Traces the start of a command, and with the function that is returned its end. */
function traceCommand(
  argv: readonly string[],
  cwd: string | undefined,
): (end: Partial<Record<'exitCode' | 'signal' | 'code', unknown>>) => void {
  const ended = traceAction('command', { argv, cwd });
  return ({ exitCode, signal, code }) => ended({ status: exitCode, signal, error: code });
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid !== undefined) attempt(() => process.kill(-pid, signal)); // all of it may have ended
}

/** The failure of a command that ran and did not succeed. */
export function commandFailure(argv: readonly string[], end: string, output: string): Failure {
  return {
    kind: 'host',
    message: `${argv[0]} failed with ${end}`,
    hint: `the command was: ${quoteCommand(argv)}`,
    detail: lastLines(output, TAIL_LINES),
  };
}

/** The last `count` lines of a text, without empty ones at its end. */
export function lastLines(text: string, count: number): string[] {
  const lines = text.trimEnd().split('\n');
  return lines.slice(-count).filter((line, index) => index > 0 || line !== '');
}

/** Whether a tool is on the PATH or in the directories of root's tools, which the PATH of a user may lack. Starts no process. */
export function isInstalled(tool: string): boolean {
  return findTool(tool) !== undefined;
}

/** The path of a tool; undefined where it is not installed. */
export function findTool(tool: string): string | undefined {
  const places = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/local/sbin`.split(':');
  return places.map((place) => path.join(place, tool)).find((file) => isAllowed(file, constants.X_OK));
}

/** The failure for a missing tool, with its package in the hint. */
export function missingTool(command: string): ReturnType<typeof fail> {
  return fail('host', `${command} is not installed`, { hint: packageHint(command) });
}

function startFailure(command: string, code: string | undefined): ReturnType<typeof fail> {
  if (code === 'ENOENT') return missingTool(command);
  return fail('host', `cannot start ${command} (${code ?? 'unknown reason'})`);
}

function commonOptions({ cwd, env, signal }: Pick<RunOptions, 'cwd' | 'env' | 'signal'>) {
  return {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(signal === undefined ? {} : { cancelSignal: signal, forceKillAfterDelay: 1000 }),
  };
}

interface ProcessEnd {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
}

function hasStarted({ exitCode, signal }: ProcessEnd): boolean {
  return exitCode !== undefined || signal !== undefined;
}

function endOf(result: ProcessEnd): string {
  return result.exitCode === undefined ? `signal ${result.signal}` : `exit status ${result.exitCode}`;
}
