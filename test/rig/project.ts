// A throwaway project on disk, and the real `vlb` run on it. Nothing below the process boundary is faked.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildEvent, Finished, LayerFinished } from '../../src/model/event.ts';
import { applianceEnvironment } from './appliance.ts';
import { type Schema, violations } from './json-schema.ts';
import { runAsRoot } from './root.ts';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
export const VLB = path.join(REPOSITORY, 'bin/vlb');
const EVENT_SCHEMA: Schema = JSON.parse(
  readFileSync(path.join(REPOSITORY, 'docs/events.schema.json'), 'utf8'),
);

/** Network block devices that belong to the tests: `VLB_TEST_NBD=/dev/nbd0,/dev/nbd1`. */
export const NBD_DEVICES = (process.env['VLB_TEST_NBD'] ?? '').split(',').filter(Boolean);

/** What runs the layers of all tests that do not choose: `VLB_TEST_BACKEND=vm`. */
export const BACKEND = process.env['VLB_TEST_BACKEND'];
if (BACKEND !== undefined) {
  const kernel = BACKEND === 'vm' ? applianceEnvironment()['SUPERMIN_KERNEL'] : undefined;
  Object.assign(process.env, {
    VLB_BACKEND: BACKEND,
    ...(kernel === undefined ? {} : { VLB_VM_KERNEL: kernel }),
  });
}

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface VlbOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Called with everything that came on stdout so far, and vlb's process id; may send a signal. */
  readonly onStdout?: (text: string, kill: (signal: NodeJS.Signals) => void, pid: number) => void;
}

export class TestProject implements AsyncDisposable {
  readonly directory: string;

  /**
   * @param files content by path; names that begin like a script are made executable
   */
  constructor(files: Readonly<Record<string, string>>) {
    this.directory = path.join(mkdtempSync(path.join(tmpdir(), 'vlb-test-')), 'project');
    mkdirSync(this.directory);
    this.write(files);
  }

  path(...names: string[]): string {
    return path.join(this.directory, ...names);
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, content] of Object.entries(files)) {
      const file = this.path(name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, content);
      if (/(^|\/)(build-layer|boot-layer|modify-disk)$/.test(name)) chmodSync(file, 0o755);
    }
  }

  /** Copies a file from elsewhere to a path in the project, unless there is one. */
  copyIn(file: string, name: string): void {
    if (!existsSync(this.path(name))) copyFileSync(file, this.path(name));
  }

  /** Runs git in the project, where nothing but the project counts. */
  git(...args: readonly string[]): string {
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false'];
    return execFileSync('git', [...identity, ...args], {
      cwd: this.directory,
      encoding: 'utf8',
      stdio: 'pipe',
    });
  }

  /** Runs vlb in the project and waits for its end. */
  vlb(args: readonly string[], options: VlbOptions = {}): Promise<Ended> {
    return run(VLB, args, { cwd: this.directory, ...options });
  }

  /** Runs `vlb build` and returns its events. Where VLB_TEST_NBD names devices, disks are attached as those. */
  async build(args: readonly string[] = [], options: VlbOptions = {}): Promise<Built> {
    const devices = args.includes('--nbd') ? [] : NBD_DEVICES.flatMap((device) => ['--nbd', device]);
    const ended = await this.vlb(['build', '--progress', 'json', ...devices, ...args], options);
    return new Built(ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const above = path.dirname(this.directory);
    if (process.env['VLB_TEST_KEEP']) process.stderr.write(`kept for a look: ${above}\n`);
    // What scripts leave in the store's caches belongs to root.
    else runAsRoot('rm', '-rf', '--', above);
  }
}

/** A finished build and its events. */
export class Built {
  readonly ended: Ended;
  readonly events: readonly BuildEvent[];

  constructor(ended: Ended) {
    this.ended = ended;
    this.events = ended.stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line): BuildEvent => JSON.parse(line));
    assert.deepEqual(
      this.events.flatMap((event) => violations(event, EVENT_SCHEMA)),
      [],
    );
  }

  get status(): number | null {
    return this.ended.status;
  }

  /** `10_base fresh, 20_app built` */
  get outcomes(): string {
    return this.events
      .filter((event): event is LayerFinished => event.type === 'layer-finished')
      .map((event) => `${event.layer} ${event.outcome}`)
      .join(', ');
  }

  get finished(): Finished | undefined {
    return this.events.find((event): event is Finished => event.type === 'finished');
  }

  /** Everything that scripts printed. */
  get output(): string {
    return this.events.flatMap((event) => (event.type === 'output' ? [event.line] : [])).join('\n');
  }

  /** For an assertion's message: all that is known. */
  get told(): string {
    const { status, stdout, stderr } = this.ended;
    return `status ${status}\n${stdout}${stderr}`;
  }
}

/** Runs a command without a terminal and collects what it prints. */
export function run(
  command: string,
  args: readonly string[],
  options: VlbOptions & { readonly cwd?: string } = {},
): Promise<Ended> {
  const { cwd, env, onStdout } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      onStdout?.(stdout, (signal) => child.kill(signal), child.pid ?? 0);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}
