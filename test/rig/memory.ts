// How much memory a command has needed, as the kernel counts it.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Peak {
  readonly status: number | null;
  readonly stderr: string;
  /** The most that the process itself had in memory at once, MiB; those that it started are not counted. */
  readonly mebibytes: number;
}

/** Runs a command, throws away what it prints on its standard output, and looks at its memory until it ends. */
export function peakOf(command: string, args: readonly string[], cwd: string): Promise<Peak> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let mebibytes = 0;
    const timer = setInterval(() => {
      mebibytes = Math.max(mebibytes, highWater(child.pid));
    }, 20);
    let stderr = '';
    child.stdout.resume();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (status) => {
      clearInterval(timer);
      resolve({ status, stderr, mebibytes });
    });
  });
}

/** VmHWM of proc(5), the high-water mark, MiB; 0 when the process has ended. */
function highWater(pid: number | undefined): number {
  try {
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
