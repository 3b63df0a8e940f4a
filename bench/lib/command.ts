// Runs commands for the benchmarks: a failed one ends the case, for its time would mean nothing.

import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const VLB = fileURLToPath(new URL('../../bin/vlb', import.meta.url));

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** ^C: it goes to the command that is running, and ends all of the measuring. */
export class Interrupted extends Error {}

/** Runs a command and returns what it printed on stdout. */
export function output(argv: readonly string[], options: CommandOptions = {}): string {
  const [command = '', ...args] = argv;
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    ...options,
    env: { ...process.env, ...options.env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (signal === 'SIGINT' || status === 130) throw new Interrupted();
  if (status !== 0) {
    const end = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-8).join('\n');
    throw new Error(`${argv.join(' ')}: ${error?.message ?? signal ?? `exit status ${status}`}\n${end}`);
  }
  return stdout;
}

/** Runs a command and returns how long the whole process took, in seconds. */
export function seconds(argv: readonly string[], options: CommandOptions = {}): number {
  const begun = performance.now();
  output(argv, options);
  return (performance.now() - begun) / 1000;
}

/** Runs a command and returns the most memory that its process held, in bytes (not that of processes it starts). */
export async function peakMemory(argv: readonly string[], options: CommandOptions = {}): Promise<number> {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, {
    ...options,
    env: { ...process.env, ...options.env },
    stdio: 'ignore',
  });
  let peak = 0;
  let running = true;
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) => {
      running = false;
      if (signal === 'SIGINT' || status === 130) reject(new Interrupted());
      else resolve(status);
    });
  });
  while (running) {
    peak = Math.max(peak, highWater(child.pid));
    await sleep(2);
  }
  const status = await ended;
  if (status !== 0) throw new Error(`${argv.join(' ')}: exit status ${status}`);
  return peak;
}

/** The kernel's own high-water mark of a process, so that it does not matter when one looks. */
function highWater(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0; // it has ended
  }
}
