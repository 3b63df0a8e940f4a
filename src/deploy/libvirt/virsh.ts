// One domain, and its host, through virsh: the commands that deployments need.

import { setTimeout as delay } from 'node:timers/promises';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { DeployTools, ToolOptions, ToolProcess } from '../tools.ts';

export class Virsh {
  readonly uri: string;
  readonly #tools: DeployTools;

  constructor(uri: string, tools: DeployTools) {
    this.uri = uri;
    this.#tools = tools;
  }

  /** Runs a virsh command. Returns what it prints, without empty lines at the end. */
  async run(args: readonly string[], options: ToolOptions = {}): Promise<Result<string>> {
    return this.#run(['virsh', '-q', '-c', this.uri, ...args], `virsh ${args[0]}`, options);
  }

  /** In a session of its own, which no ^C at the terminal reaches: a deployment ends between two commands, not in one. */
  async #run(command: readonly string[], name: string, options: ToolOptions): Promise<Result<string>> {
    const args = ['--wait', ...command];
    const done = await this.#tools.run('setsid', args, { ...options, env: PLAIN });
    if (done.ok) return ok(done.value.stdout.trimEnd());
    const { hint: _hint, ...failure } = done.failure;
    return { ok: false, failure: { ...failure, message: failure.message.replace(/^setsid /, `${name} `) } };
  }

  /** The lines that a virsh command prints, each without spaces around it. */
  async list(args: readonly string[], options: ToolOptions = {}): Promise<Result<readonly string[]>> {
    const done = await this.run(args, options);
    if (!done.ok) return done;
    return ok(done.value.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()])));
  }

  /** Defines a domain, or changes its definition: a domain that runs is changed when it starts the next time. */
  async define(xml: string): Promise<Result<void>> {
    const command = ['sh', ...this.#withInput(['define', '--validate', '/dev/stdin'])];
    const done = await this.#run(command, 'virsh define', { input: xml });
    return done.ok ? ok() : done;
  }

  /** Writes a volume from a stream of bytes. */
  upload(volume: string, pool: string): Promise<ToolProcess> {
    return this.#tools.start('sh', this.#withInput(['vol-upload', '--pool', pool, volume, '/dev/stdin']));
  }

  /**
   * The arguments of sh for a virsh command that reads /dev/stdin: node gives it a socket, which cannot be opened as a file; so cat is
   * between them.
   */
  #withInput(args: readonly string[]): readonly string[] {
    return ['-c', 'cat | exec "$@"', 'sh', 'virsh', '-q', '-c', this.uri, ...args];
  }

  /** Attaches to the console of a domain, which virsh does at a terminal alone: script(1) gives it one. */
  console(domain: string): Promise<ToolProcess> {
    const line = `exec virsh -c "$VLB_URI" console "$VLB_DOMAIN" --force`;
    return this.#tools.start('env', [
      `VLB_URI=${this.uri}`,
      `VLB_DOMAIN=${domain}`,
      ...['script', '--quiet', '--return', '--command', line, '/dev/null'],
    ]);
  }

  /** `running`, `shut off`, `paused`, and others of virsh(1). */
  state(domain: string): Promise<Result<string>> {
    return this.run(['domstate', domain]);
  }

  /** Whether the guest agent answers within a few seconds. */
  async agentAnswers(domain: string): Promise<boolean> {
    const ping = ['qemu-agent-command', domain, '{"execute":"guest-ping"}', '--timeout', '5'];
    return (await this.run(ping)).ok;
  }
}

/** virsh translates what it prints. */
const PLAIN = { LC_ALL: 'C' };

/** How often a guest is looked at while something is waited for, ms. */
export const LOOK_MS = 500;

/** A domain in these states does not run, and can be started. */
export function isOff(state: string): boolean {
  return state === 'shut off' || state === 'crashed';
}

/** Between two attempts to press the power button: a guest that is starting does not notice it, ms. */
const PRESS_MS = 10_000;

/**
 * Shuts a guest down: by its agent, then by its power button, and after the timeout by force. Returns at once for one that does not
 * run. Fails as `host`, or as `interrupted`, when the guest may still shut down.
 * @param timeout seconds
 * @param onNote called when the guest has to be forced
 */
export async function shutDown(
  virsh: Virsh,
  domain: string,
  timeout: number,
  onNote: (message: string) => void,
  signal: AbortSignal | undefined,
): Promise<Result<void>> {
  const state = await virsh.state(domain);
  if (!state.ok) return state;
  if (isOff(state.value)) return ok();
  const wake = { paused: 'resume', pmsuspended: 'dompmwakeup' }[state.value];
  if (wake !== undefined) {
    const woken = await virsh.run([wake, domain]);
    if (!woken.ok) return woken;
  }
  const end = performance.now() + timeout * 1000;
  const byAgent =
    (await virsh.agentAnswers(domain)) && (await virsh.run(['shutdown', domain, '--mode', 'agent'])).ok;
  // An agent that took the request may still not be able to do it.
  let pressAt = byAgent ? performance.now() + (timeout * 1000) / 2 : 0;
  while (performance.now() < end) {
    if (signal?.aborted) return fail('interrupted', 'interrupted while the guest was shut down');
    if (performance.now() >= pressAt) {
      pressAt = performance.now() + PRESS_MS;
      await virsh.run(['shutdown', domain, '--mode', 'acpi']); // it may be off by now
    }
    const now = await virsh.state(domain);
    if (!now.ok) return now;
    if (isOff(now.value)) return ok();
    await delay(LOOK_MS, undefined, signal ? { signal } : {}).catch(() => {}); // rejects on abort
  }
  onNote(`the guest of ${domain} did not shut down in time, so it was stopped by force`);
  const destroyed = await virsh.run(['destroy', domain]);
  if (destroyed.ok) return ok();
  const last = await virsh.state(domain); // it may have ended in time
  return last.ok && isOff(last.value) ? ok() : destroyed;
}
