// A `vlb` in a terminal of its own, made by script(1), at which the test types.

import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TestProject, VLB } from './project.ts';

const PATIENCE_MILLISECONDS = 30_000;

export class Typing implements AsyncDisposable {
  readonly #child;
  /** The exit status of vlb. */
  readonly ended: Promise<number | null>;
  shown = '';

  constructor(project: TestProject, args: string) {
    this.#child = spawn('script', ['-qfec', `${VLB} ${args}`, '/dev/null'], {
      cwd: project.directory,
      env: { ...process.env, NO_COLOR: '1', TERM: 'xterm', CI: '' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.shown += text;
    });
    this.ended = new Promise((resolve) => this.#child.on('close', resolve));
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  async until(what: RegExp): Promise<void> {
    const begun = performance.now();
    while (!what.test(this.shown)) {
      if (performance.now() - begun > PATIENCE_MILLISECONDS || this.#child.exitCode !== null) {
        throw new Error(`${what} was not shown\n${this.shown}`);
      }
      await sleep(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM');
    await this.ended;
  }
}
