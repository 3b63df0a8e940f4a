// The root side as seen from vlb: sends commands to the shell of agent.sh and reads their answers.
// Everything privileged that a layer's run needs happens there, in namespaces that end with it.

import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { OnOutput } from '../../model/ports/machine.ts';
import { systemError } from '../../util/errors.ts';
import { traceAction } from '../../util/trace.ts';
import { closeInherited } from '../process/inherited.ts';
import {
  type Child,
  type ChildEnd,
  commandFailure,
  isInstalled,
  lastLines,
  missingTool,
  type Output,
  runInTerminal,
  start,
} from '../process/run.ts';
import { asRoot, isRoot, SUDO_HINT } from '../process/sudo.ts';
import { MarkedStream } from './marked-stream.ts';
import { localFiles, type RootFiles } from './root-files.ts';

/** A running root shell. Commands run one at a time; a second one waits for the first. */
export interface RootShell extends AsyncDisposable {
  /** The process that was started; the shell is one that descends from it. */
  readonly pid: number | undefined;
  /** The files that vlb and the shell exchange. */
  readonly files: RootFiles;
  /** Settles when the shell has ended, and with it all that was in it. */
  readonly ended: Promise<unknown>;
  /**
   * Runs a command, or a function of the agent, to its end. Fails like `run` of src/host/process/run.ts. Above this folder
   * the functions of agent.ts and agent-devices.ts are used instead.
   */
  run(argv: readonly string[], okStatuses?: readonly number[]): Promise<Result<Output>>;
  /** Runs a command and passes on its output (both streams as one) as it comes. Returns its exit status. */
  stream(argv: readonly string[], onOutput: OnOutput): Promise<Result<number>>;
  /** Runs a command and passes on both streams of its output as they come. Returns its exit status. */
  pass(
    argv: readonly string[],
    output: { readonly stdout: OnOutput; readonly stderr: OnOutput },
  ): Promise<Result<number>>;
  /**
   * Runs a command beside the one that the shell runs: an interactive one on vlb's own streams, or on a terminal of its own that is
   * shown in vlb's, or one without input whose output nobody needs.
   * Returns its exit status. Fails as `host` when the file cannot be written, for example on a full disk.
   * @param file written for the command's arguments
   */
  join(argv: readonly string[], file: string, streams: JoinStreams): Promise<Result<number>>;
  /** Starts a daemon; returns its process id, which counts in the shell's own PID namespace. */
  start(argv: readonly string[]): Promise<Result<string>>;
  /** Ends a daemon with SIGTERM and waits for it. Returns its exit status. */
  stop(pid: string): Promise<Result<number>>;
  /**
   * Keeps a loop device open; from then on the kernel detaches it when its last user closes it, however vlb ends.
   * Returns the process to `stop` to close it.
   */
  pinLoop(device: string): Promise<Result<string>>;
  /**
   * Writes a new file that only root can read. The content appears in no argument list and in no failure.
   * @param mode of a file that replaces another one, and that others may read
   */
  write(file: string, content: Buffer, mode?: number): Promise<Result<void>>;
  /**
   * Kills everything in the shell at once: a running command then fails as `interrupted`. When the shell is killed from
   * outside, the command fails as `host`.
   */
  kill(): void;
}

export type JoinStreams = 'own' | 'terminal' | 'none';

/** The root side. In the source a file that reads the others beside it, in the bundle one file (bin/bundle.mjs). */
export const AGENT = fileURLToPath(new URL('./agent/agent.sh', import.meta.url));

/** Where root's tools are: not every PATH has them all, for example that of `su`. */
const ROOT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function rootPath(): string {
  return `${isRoot() ? `${process.env['PATH'] ?? ''}:` : ''}${ROOT_PATH}`;
}

/**
 * Opens a root shell, through `sudo -n` where vlb is not root. Fails as `host` when that is not allowed.
 * @param directory that of the run for which it works, if it runs scripts
 */
export async function openRootShell(directory = ''): Promise<Result<RootShell>> {
  closeInherited();
  // In a session of its own the shell does not get a terminal's ^C. With sudo the session begins behind it: sudo looks for
  // the terminal on which the password was given.
  const session = isRoot() ? [] : ['setsid', '--wait'];
  const [command, ...args] = asRoot([
    'env',
    '-i',
    `PATH=${rootPath()}`,
    ...session,
    'unshare',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child=KILL',
    '--mount-proc',
    'sh',
    AGENT,
    'agent',
    directory,
  ]);
  const child = await start(command, args, { detached: isRoot() });
  const shell = new AgentShell(child);
  const answer = await shell.run(['true']);
  if (answer.ok) return ok(shell);
  await shell[Symbol.asyncDispose]();
  const ended = await child.ended;
  return ended.ok
    ? fail('host', 'cannot start a root shell in its own namespaces', {
        detail: [...lastLines(shell.lastWords, 5), howEnded(ended.value)],
        hint: isRoot() ? 'the kernel must allow mount and PID namespaces' : SUDO_HINT,
      })
    : answer;
}

/**
 * A root shell whose streams are those of a child that was started elsewhere: `join` and `files` are for the caller to replace.
 * @param most the longest answer that is accepted, in bytes: on a longer one the shell is killed
 */
export function rootShellOn(child: Child, most: number): RootShell {
  return new AgentShell(child, most);
}

function howEnded({ status, signal }: ChildEnd): string {
  return status === undefined ? `it was killed by ${signal}` : `it exited with status ${status}`;
}

class AgentShell implements RootShell {
  readonly files = localFiles;
  readonly #child: Child;
  readonly #mark = randomUUID();
  readonly #stdout: MarkedStream;
  readonly #stderr: MarkedStream;
  /** What a daemon printed before its start was answered: part of the next answer, which asks for the daemon's state. */
  #printedAtStart = '';
  #killed = false;
  /** The last request sent: the next one waits for it. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(child: Child, most = Number.POSITIVE_INFINITY) {
    this.#child = child;
    const tooLong = () => child.kill('SIGKILL');
    this.#stdout = new MarkedStream(child.stdout, this.#mark, most, tooLong);
    this.#stderr = new MarkedStream(child.stderr, this.#mark, most, tooLong);
    child.stdin.write(`${this.#mark}\n`);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get ended(): Promise<unknown> {
    return this.#child.ended;
  }

  /** What the shell printed outside of any answer: why it could not start. */
  get lastWords(): string {
    return this.#stderr.rest;
  }

  async run(argv: readonly string[], okStatuses: readonly number[] = [0]): Promise<Result<Output>> {
    const answer = await this.#ask('run', argv);
    if (!answer.ok) return answer;
    const { status, stdout } = answer.value;
    const stderr = this.#printedAtStart + answer.value.stderr;
    this.#printedAtStart = '';
    if (okStatuses.includes(status)) return ok({ status, stdout, stderr });
    if (status === 127) return missingTool(argv[0] ?? '');
    return { ok: false, failure: commandFailure(argv, `exit status ${status}`, stderr || stdout) };
  }

  async stream(argv: readonly string[], onOutput: OnOutput): Promise<Result<number>> {
    const answer = await this.#ask('stream', argv, { stderr: onOutput });
    return answer.ok ? ok(answer.value.status) : answer;
  }

  async pass(argv: readonly string[], output: Required<Outputs>): Promise<Result<number>> {
    const answer = await this.#ask('run', argv, output);
    return answer.ok ? ok(answer.value.status) : answer;
  }

  async join(argv: readonly string[], file: string, streams: JoinStreams): Promise<Result<number>> {
    if (streams === 'terminal' && !isInstalled('script')) return missingTool('script');
    try {
      writeFileSync(file, argv.map((word) => `${escapeLine(word)}\n`).join(''), { mode: 0o600 });
    } catch (error) {
      const { message } = systemError(error);
      return fail('host', `cannot write the request for ${argv[0]}: ${message}`, { where: { file } });
    }
    const [command, ...args] = asRoot([
      'env',
      '-i',
      `PATH=${rootPath()}`,
      'sh',
      AGENT,
      'join',
      String(this.#child.pid),
      file,
      streams === 'terminal' ? 'terminal' : 'own',
    ]);
    return runInTerminal(command, args);
  }

  async start(argv: readonly string[]): Promise<Result<string>> {
    const answer = await this.#ask('start', argv);
    if (!answer.ok) return answer;
    this.#printedAtStart = answer.value.stderr;
    return ok(answer.value.stdout.trim());
  }

  async stop(pid: string): Promise<Result<number>> {
    const answer = await this.#ask('stop', [pid]);
    return answer.ok ? ok(answer.value.status) : answer;
  }

  async pinLoop(device: string): Promise<Result<string>> {
    const answer = await this.#ask('pin_loop', [device]);
    if (!answer.ok) return answer;
    return answer.value.status === 0
      ? ok(answer.value.stdout.trim())
      : fail('host', `cannot open ${device}`, { detail: lastLines(answer.value.stderr, 5) });
  }

  async write(file: string, content: Buffer, mode?: number): Promise<Result<void>> {
    const words = [file, content.toString('base64'), ...(mode === undefined ? [] : [mode.toString(8)])];
    const answer = await this.#ask('write', words);
    if (!answer.ok) return answer;
    return answer.value.status === 0
      ? ok()
      : fail('host', `cannot write ${file}`, { detail: lastLines(answer.value.stderr, 5) });
  }

  kill(): void {
    this.#killed = true;
    this.#child.stdin.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#child.ended;
  }

  #ask(verb: string, argv: readonly string[], outputs?: Outputs): Promise<Result<Output>> {
    const answer = this.#queue.then(async (): Promise<Result<Output>> => {
      // Behind the file's name, `write` takes the content, which may be a secret.
      const ended = traceAction('root', { verb, argv: verb === 'write' ? argv.slice(0, 1) : argv });
      const result = await this.#exchange(verb, argv, outputs);
      ended(result.ok ? { status: result.value.status } : { error: result.failure.message });
      return result;
    });
    this.#queue = answer;
    return answer;
  }

  async #exchange(verb: string, argv: readonly string[], outputs: Outputs = {}): Promise<Result<Output>> {
    this.#child.stdin.write(`${[verb, argv.length, ...argv.map(escapeLine)].join('\n')}\n`);
    const [out, err] = await Promise.all([
      this.#stdout.untilMark(outputs.stdout),
      this.#stderr.untilMark(outputs.stderr),
    ]);
    if (out !== undefined && err !== undefined) {
      if (!/^\d{1,3}$/.test(out.tail))
        return fail('host', `the root shell did not answer to ${argv[0] ?? verb}`);
      return ok({ stdout: out.text, stderr: err.text, status: Number(out.tail) });
    }
    const end = await this.#child.ended;
    if (!end.ok) return end; // with the reason: sudo is missing, for example
    if (this.#killed) return fail('interrupted', `${argv[0] ?? verb} was interrupted`);
    return fail('host', `the root shell ended while it ran ${argv[0] ?? verb}`, {
      hint: 'it was killed, possibly by the out-of-memory killer (check dmesg); run vlb again',
    });
  }
}

/** Takes what is printed on a stream as it comes; without one, it is part of the answer. */
interface Outputs {
  readonly stdout?: OnOutput;
  readonly stderr?: OnOutput;
}

/** An argument as one line of a request. */
export function escapeLine(argument: string): string {
  return argument.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
