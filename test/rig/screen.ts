// A real terminal: a program under tmux, with keys that are typed and a screen that is read.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ScreenOptions {
  readonly columns: number;
  readonly rows: number;
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class Screen implements Disposable {
  /** A tmux of its own, which knows nothing of the user's. */
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'vlb-screen-'));
  readonly #env: Readonly<Record<string, string>>;

  /** @param command for the shell of tmux; the screen stays when it ends */
  constructor(command: string, { columns, rows, cwd, env = {} }: ScreenOptions) {
    this.#env = { NO_COLOR: '', CI: '', ...env };
    this.#tmux(
      ...['-f', '/dev/null', 'new-session', '-d', '-x', String(columns), '-y', String(rows), '-c', cwd],
      ...Object.entries(this.#env).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
      `${command}; exec cat`,
    );
  }

  /** Types keys, by the names of tmux: `Tab`, `Enter`, `C-c`; other words as they are. */
  type(...keys: readonly string[]): void {
    this.#tmux('send-keys', ...keys);
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** What is seen, without the blanks at the ends of lines and the empty lines at the end. */
  get text(): string {
    return this.#tmux('capture-pane', '-p')
      .replace(/[ \t]+$/gm, '')
      .trimEnd();
  }

  /** The same, with lines put together again that were wrapped at the terminal's edge. */
  get unwrapped(): string {
    return this.#tmux('capture-pane', '-p', '-J')
      .replace(/[ \t]+$/gm, '')
      .trimEnd();
  }

  /** What is seen and what has gone off the top, with colors and the like as escape sequences. */
  get everything(): string {
    return this.#tmux('capture-pane', '-p', '-e', '-S', '-').trimEnd();
  }

  /** Waits until the screen is like this, and gives it. Throws, with what is seen, when it does not come to it. */
  async waitFor(wanted: RegExp, seconds = 60): Promise<string> {
    const end = performance.now() + seconds * 1000;
    for (;;) {
      const { text } = this;
      if (wanted.test(text)) return text;
      if (performance.now() > end) throw new Error(`${wanted} was not to be seen. The screen:\n${text}`);
      await sleep(50);
    }
  }

  [Symbol.dispose](): void {
    const server = Number(this.#tmux('display-message', '-p', '#{pid}'));
    this.#tmux('kill-server');
    // It ends behind the command's back, and would be seen among the processes that are left.
    while (isRunning(server)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #tmux(...args: readonly string[]): string {
    return execFileSync('tmux', ['-S', path.join(this.#directory, 'socket'), ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
      // PATH comes from here, whatever -e says.
      env: { ...process.env, ...this.#env, LC_ALL: 'C.UTF-8', TERM: 'xterm-256color' },
    });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
