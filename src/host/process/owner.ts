// Names of running processes that stay true after one is gone: whatever carries such a name dies with its owner.

import { readFileSync } from 'node:fs';

/** The name of this process: its id, and when it started, since ids are used again. */
export function ownerName(): string {
  return `${process.pid}-${startTime(process.pid)}`;
}

/**
 * Whether the process of that name, which more may follow after a dash, still runs. Other versions of vlb may name theirs
 * otherwise, but for the number at the beginning: that of a vlb which runs is taken for a living owner's. Any other text
 * belongs to nobody.
 */
export function ownerIsAlive(name: string): boolean {
  const [, pid = '', started] = /^(\d+)(?:-(\d+\.[0-9a-f]{8})(?:-|$))?/.exec(name) ?? [];
  return started === undefined ? isVlb(pid) : startTime(Number(pid)) === started;
}

/** Whether a process is a vlb, by its command line: node with the bundle, see bin/vlb. */
function isVlb(pid: string): boolean {
  try {
    return pid !== '' && /\/main\.mjs(?:\0|$)/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
  } catch {
    return false;
  }
}

/**
 * Field 22 of proc(5)'s /proc/PID/stat, in clock ticks since boot, with the boot itself; undefined when there is no such
 * process. One that ended, and that its parent did not care for yet, is none: field 3 tells. A parent that never does is
 * usual in containers.
 */
function startTime(pid: number): string | undefined {
  try {
    // The second field is the command in parentheses and may hold anything, so count from its end.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return 'ZX'.includes(state) ? undefined : `${fields[18]}.${bootId()}`;
  } catch {
    return undefined;
  }
}

/** Names this run of the machine. proc_sys_kernel(5): random once per boot; eight digits tell two apart well enough. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
}
