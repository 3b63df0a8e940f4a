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
  /**
   * Runs an interactive command on vlb's own streams, or on a terminal of its own that is shown in vlb's.
   * Returns its exit status. Fails as `host` when the file cannot be written, for example on a full disk.
   * @param file written for the command's arguments
   */
  join(argv: readonly string[], file: string, streams: 'own' | 'terminal'): Promise<Result<number>>;
  /** Starts a daemon; returns its process id, which counts in the shell's own PID namespace. */
  start(argv: readonly string[]): Promise<Result<string>>;
  /** Ends a daemon with SIGTERM and waits for it. Returns its exit status. */
  stop(pid: string): Promise<Result<number>>;
  /**
   * Keeps a loop device open; from then on the kernel detaches it when its last user closes it, however vlb ends.
   * Returns the process to `stop` to close it.
   */
  pinLoop(device: string): Promise<Result<string>>;
  /** Writes a file that only root can read. The content appears in no argument list and in no failure. */
  write(file: string, content: Buffer): Promise<Result<void>>;
  /**
   * Kills everything in the shell at once: a running command then fails as `interrupted`. When the shell is killed from
   * outside, the command fails as `host`.
   */
  kill(): void;
}

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

/** A root shell whose streams are those of a child that was started elsewhere: `join` and `files` are for the caller to replace. */
export function rootShellOn(child: Child): RootShell {
  return new AgentShell(child);
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

  constructor(child: Child) {
    this.#child = child;
    this.#stdout = new MarkedStream(child.stdout, this.#mark);
    this.#stderr = new MarkedStream(child.stderr, this.#mark);
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
    const answer = await this.#ask('stream', argv, onOutput);
    return answer.ok ? ok(answer.value.status) : answer;
  }

  async join(argv: readonly string[], file: string, streams: 'own' | 'terminal'): Promise<Result<number>> {
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
      streams,
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

  async write(file: string, content: Buffer): Promise<Result<void>> {
    const answer = await this.#ask('write', [file, content.toString('base64')]);
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

  #ask(verb: string, argv: readonly string[], onOutput?: OnOutput): Promise<Result<Output>> {
    const answer = this.#queue.then(async (): Promise<Result<Output>> => {
      // Behind the file's name, `write` takes the content, which may be a secret.
      const ended = traceAction('root', { verb, argv: verb === 'write' ? argv.slice(0, 1) : argv });
      const result = await this.#exchange(verb, argv, onOutput);
      ended(result.ok ? { status: result.value.status } : { error: result.failure.message });
      return result;
    });
    this.#queue = answer;
    return answer;
  }

  async #exchange(verb: string, argv: readonly string[], onOutput?: OnOutput): Promise<Result<Output>> {
    this.#child.stdin.write(`${[verb, argv.length, ...argv.map(escapeLine)].join('\n')}\n`);
    const [out, err] = await Promise.all([this.#stdout.untilMark(), this.#stderr.untilMark(onOutput)]);
    if (out !== undefined && err !== undefined) {
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

const NEWLINE = 0x0a;

/** The most that is passed on at once, in bytes: each byte may be a line, and each line is an event. */
const LONGEST_PIECE = 4 * 1024;

/** One of the shell's output streams, cut into answers at the lines that carry the mark. */
class MarkedStream {
  readonly #mark: Buffer;
  readonly #stream: NodeJS.ReadableStream;
  #held: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};

  constructor(stream: NodeJS.ReadableStream, mark: string) {
    this.#mark = Buffer.from(mark);
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => {
      this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    stream.on('end', end);
    stream.on('error', end);
    stream.on('close', end);
  }

  get rest(): string {
    return this.#held.toString();
  }

  /**
   * Everything up to the next mark, and what follows the mark on its line; undefined when the stream ended first.
   * With `onOutput` the text is passed on instead of kept, so memory stays flat.
   */
  async untilMark(onOutput?: OnOutput): Promise<{ text: string; tail: string } | undefined> {
    for (;;) {
      const at = this.#held.indexOf(this.#mark);
      const lineEnd = at < 0 ? -1 : this.#held.indexOf('\n', at + this.#mark.length);
      if (lineEnd >= 0) {
        // The newline before the mark belongs to the mark.
        const end = this.#held[at - 1] === NEWLINE ? at - 1 : at;
        const text = this.#held.subarray(0, end);
        const tail = this.#held.toString('latin1', at + this.#mark.length, lineEnd).trim();
        this.#held = this.#held.subarray(lineEnd + 1);
        if (!onOutput) return { text: text.toString(), tail };
        if (text.length > 0) await onOutput(text);
        return { text: '', tail };
      }
      if (onOutput) await this.#passOn(onOutput);
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Passes on what cannot be the beginning of a mark. A single newline counts as the script's, or every line would lag. */
  async #passOn(onOutput: OnOutput): Promise<void> {
    const safe = this.#held.length - this.#possibleMark();
    if (safe === 0) return;
    const text = this.#held.subarray(0, safe);
    this.#held = this.#held.subarray(safe);
    for (let at = 0; at < safe; at += LONGEST_PIECE) {
      const taken = onOutput(text.subarray(at, at + LONGEST_PIECE));
      if (!taken) continue;
      this.#stream.pause();
      await taken;
      this.#stream.resume();
    }
  }

  /** How many of the last bytes may begin a mark, with its newline or just behind it. */
  #possibleMark(): number {
    const { length } = this.#held;
    const newline = this.#held.lastIndexOf(NEWLINE);
    const start = newline < 0 ? 0 : newline + 1;
    const tail = this.#held.subarray(start);
    if (tail.length === 0 || !this.#mark.subarray(0, tail.length).equals(tail)) return 0;
    return length - Math.max(0, newline);
  }
}

/** An argument as one line of a request. */
export function escapeLine(argument: string): string {
  return argument.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
