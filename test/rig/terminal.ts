// A terminal of its own with a person at it, as far as a program can tell: a window of a tmux that nobody sees.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MILLISECONDS = 30_000;

export class Terminal implements Disposable {
  readonly #cwd: string;
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'vlb-terminal-'));

  /** Opens a window of 100 × 30 characters, in which a shell with the prompt `> ` runs. Throws without tmux. */
  constructor(cwd: string) {
    this.#cwd = cwd;
    this.#tmux('new-session', '-d', '-x', '100', '-y', '30', 'env', 'PS1=> ', 'NO_COLOR=1', 'sh');
  }

  /** Types a line and presses enter. */
  type(line: string): void {
    this.#tmux('send-keys', '-l', line);
    this.press('Enter');
  }

  /** `C-c`, `Enter`, … */
  press(key: string): void {
    this.#tmux('send-keys', key);
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** All that was shown so far; lines that were wrapped are one. */
  get text(): string {
    return this.#tmux('capture-pane', '-p', '-J', '-S', '-').replace(/[ \n]+$/, '');
  }

  /** Waits until something is shown; throws, with all that is, when it does not come. */
  async shows(wanted: RegExp): Promise<string> {
    const until = performance.now() + PATIENCE_MILLISECONDS;
    for (;;) {
      const { text } = this;
      if (wanted.test(text)) return text;
      if (performance.now() > until) throw new Error(`${wanted} was not shown:\n${text}`);
      await sleep(50);
    }
  }

  #tmux(...args: readonly string[]): string {
    const socket = path.join(this.#directory, 'socket');
    try {
      return execFileSync('tmux', ['-f', '/dev/null', '-S', socket, ...args], {
        cwd: this.#cwd,
        encoding: 'utf8',
      });
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'; // of execFileSync
      throw isMissing ? new Error('these tests need tmux: bin/setup --for test') : error;
    }
  }

  [Symbol.dispose](): void {
    this.#tmux('kill-server');
    rmSync(this.#directory, { recursive: true });
  }
}
