// Names of running processes that stay true after one is gone: whatever carries such a name dies with its owner.

import { readFileSync } from 'node:fs';

/** The name of this process: its id, and when it started, since ids are used again. */
export function ownerName(): string {
  return `${process.pid}-${startTime(process.pid)}`;
}

/** Whether the process of that name still runs. A text that is no such name belongs to nobody. */
export function ownerIsAlive(name: string): boolean {
  const [pid = '', started = ''] = name.split('-');
  return /^\d+$/.test(pid) && started !== '' && startTime(Number(pid)) === started;
}

/** Field 22 of proc(5)'s /proc/PID/stat, in clock ticks since boot, with the boot itself; undefined when there is no such process. */
function startTime(pid: number): string | undefined {
  try {
    // The second field is the command in parentheses and may hold anything, so count from its end.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return `${ticks}.${bootId()}`;
  } catch {
    return undefined;
  }
}

/** Names this run of the machine. proc_sys_kernel(5): random once per boot; eight digits tell two apart well enough. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
}
