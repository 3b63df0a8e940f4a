// A running `vlb watch` on a test project, and its events so far.

import { type ChildProcess, spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BuildEvent, Finished } from '../../src/model/event.ts';
import { type TestProject, VLB } from './project.ts';

const PATIENCE_MILLISECONDS = 30_000;

export class Watching implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  readonly events: BuildEvent[] = [];
  stdout = '';
  stderr = '';
  /** Up to where `waiting` has looked. */
  #seen = 0;

  /** @param before a command that starts vlb, when it is not started as it is */
  constructor(project: TestProject, args: readonly string[] = [], before: readonly string[] = []) {
    const [command = VLB, ...rest] = [...before, VLB, 'watch', '--progress', 'json', ...args];
    this.#child = spawn(command, rest, {
      cwd: project.directory,
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let held = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      const lines = (held + text).split('\n');
      held = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('{')) this.events.push(JSON.parse(line));
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.#ended = new Promise((resolve) => this.#child.on('close', resolve));
  }

  /** Waits until something is true; throws with all events when that takes too long. */
  async until(what: string, isTrue: () => boolean): Promise<void> {
    const begun = performance.now();
    while (!isTrue()) {
      if (performance.now() - begun > PATIENCE_MILLISECONDS || this.#child.exitCode !== null) {
        throw new Error(`${what} did not come\n${this.stdout}${this.stderr}`);
      }
      await sleep(10);
    }
  }

  /** Waits until vlb, from the last such time on, waits for changes again. */
  async waiting(): Promise<void> {
    const next = () =>
      this.events.findIndex(
        (event, at) => at >= this.#seen && event.type === 'watching' && event.state === 'waiting',
      );
    await this.until('waiting for changes', () => next() >= 0);
    this.#seen = next() + 1;
    await sleep(300); // what was built at the beginning may not be watched yet; nor did a needless build have time to begin
  }

  /** Waits until the script of a layer runs, for the so-many-th time. */
  async running(layer: string, times = 1): Promise<void> {
    await this.until(
      `run ${times} of ${layer}`,
      () => this.runs.filter((name) => name === layer).length >= times,
    );
    await sleep(200);
  }

  /** The layers whose scripts ran, in the order of time, whatever came of it. */
  get runs(): readonly string[] {
    return this.events.flatMap((event) =>
      event.type === 'layer-stage' && event.stage === 'run' ? [event.layer] : [],
    );
  }

  /** The layers that were built. */
  get built(): readonly string[] {
    return this.events.flatMap((event) =>
      event.type === 'layer-finished' && event.outcome === 'built' ? [event.layer] : [],
    );
  }

  get finished(): Finished | undefined {
    return this.events.findLast((event): event is Finished => event.type === 'finished');
  }

  /** Ends it, and gives its exit status. */
  async end(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    this.#child.kill(signal);
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM');
    await this.#ended;
  }
}
