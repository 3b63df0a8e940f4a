// Names of running processes that no later process can have: what carries the name of a dead owner can be removed.

import { readFileSync } from 'node:fs';

/** The name of this process: its id and its start time, since ids are reused. */
export function ownerName(): string {
  return `${process.pid}-${startTime(process.pid)}`;
}

/**
 * Whether the process of that name still runs. A dash and more text may follow the name. Other versions of vlb may use
 * other names that begin with the process id; such a name counts as alive if that process is a vlb. Any other text has no
 * owner.
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
 * The start time of a process in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)), and the boot; undefined
 * when the process does not exist. A zombie (field 3) counts as ended: in containers its parent may never wait for it.
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

/** A name for the current boot of the machine: eight digits of the random boot id, see proc_sys_kernel(5). */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
}
