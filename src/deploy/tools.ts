// What deployments need of this machine, as src/compose.ts hands it in.

import type { Readable, Writable } from 'node:stream';
import { fail, ok, type Result } from '../model/failure.ts';

export interface DeployTools {
  /** Runs a command to its end, without a shell. Fails as `host` with its last lines, or as `interrupted`. */
  run(command: string, args: readonly string[], options?: ToolOptions): Promise<Result<ToolOutput>>;
  /** Fails as `host`, naming its package, when a command is not installed. */
  require(command: string): Result<void>;
  /** Starts a command in the background; it ends with vlb. Its streams belong to the caller. */
  start(command: string, args: readonly string[]): Promise<ToolProcess>;
  /** Runs a command line of the user in a shell, in the project's directory. Fails as `host` with its last lines. */
  shell(
    line: string,
    variables: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Result<void>>;
  /** The name of this process, see src/host/process/owner.ts: its unfinished files carry it. */
  readonly owner: string;
  isAlive(owner: string): boolean;
}

export interface ToolOptions {
  readonly signal?: AbortSignal;
  readonly input?: string;
  /** Whether the command is killed when vlb is. */
  readonly tied?: boolean;
  /** Added to vlb's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Takes the standard output, which is then not returned. */
  readonly output?: Writable;
  /** The exit statuses that are not failures; default only 0. */
  readonly okStatuses?: readonly number[];
}

export interface ToolOutput {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

export interface ToolProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<
    Result<{ readonly status: number | undefined; readonly signal: string | undefined }>
  >;
}

/** The end of a command that was started: fails as `host` with its exit status and its last lines. */
export async function commandEnd(process: ToolProcess, name: string): Promise<Result<void>> {
  let text = '';
  const collect = (chunk: Buffer) => {
    text = `${text}${chunk.toString('utf8')}`.slice(-MOST_CHARACTERS);
  };
  process.stdout.on('data', collect);
  process.stderr.on('data', collect);
  const ended = await process.ended;
  if (!ended.ok) return ended;
  const { status, signal } = ended.value;
  if (status === 0) return ok();
  const how = status === undefined ? `signal ${signal}` : `exit status ${status}`;
  return fail('host', `${name} failed with ${how}`, { detail: text.trim().split('\n') });
}

const MOST_CHARACTERS = 2000;
