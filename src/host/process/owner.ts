// Names of running processes that no later process can have: what carries the name of a dead owner can be removed.

import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { attempt } from '../../util/errors.ts';
import { textIfAny } from '../../util/fs.ts';

/** How long a file of an owner in another PID namespace counts as alive, if nothing renews it: a day, ms. */
const DAY = 86_400_000;

/** The name of this process: its id, its start time and the boot, since ids are reused, and its PID namespace. */
export function ownerName(): string {
  const namespace = pidNamespace();
  return `${process.pid}-${startTime(process.pid)}${namespace === undefined ? '' : `-n${namespace}`}`;
}

/**
 * Whether the process of that name still runs. A dash and more text may follow the name. Other versions of vlb may use
 * other names that begin with the process id; a name of that form counts as alive if that process is a vlb. Any other text has no
 * owner.
 *
 * A process in another PID namespace, a container for instance, cannot be seen. It counts as alive while its file is fresh.
 * @param file the file that carries the name; without one, an owner in another namespace counts as alive
 * @param within how long that file is fresh after its last change, ms
 */
export function ownerIsAlive(name: string, file?: string, within = DAY): boolean {
  const [, pid = '', started, boot, namespace] =
    /^(\d+)(?:-(\d+\.([0-9a-f]{8}))(?:-n(\d+))?(?:-(?!n\d)|$))?/.exec(name) ?? [];
  if (started === undefined) return isVlb(pid);
  if (namespace !== undefined && boot === bootId() && namespace !== pidNamespace()) {
    return file === undefined || isFresh(file, within);
  }
  return startTime(Number(pid)) === started;
}

/** The inode of this process's PID namespace, see namespaces(7); undefined when /proc is that of another one. */
function pidNamespace(): string | undefined {
  return /\d+/.exec(attempt(() => readlinkSync('/proc/self/ns/pid')) ?? '')?.[0];
}

function isFresh(file: string, within: number): boolean {
  // Not the mtime, which for artifacts is their stamp.
  const changed = statSync(file, { throwIfNoEntry: false })?.ctimeMs;
  return changed !== undefined && Math.abs(Date.now() - changed) < within;
}

/** Whether a process is a vlb, by its command line: node with the bundle, see bin/vlb. */
function isVlb(pid: string): boolean {
  return pid !== '' && /\/main\.mjs(?:\0|$)/.test(textIfAny(`/proc/${pid}/cmdline`) ?? '');
}

/**
 * The start time of a process in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)), and the boot; undefined
 * when the process does not exist. A zombie (field 3) counts as ended: in containers its parent may never wait for it.
 */
function startTime(pid: number): string | undefined {
  const stat = textIfAny(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the command in parentheses and may hold anything, so count from its end.
  const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 'ZX'.includes(state) ? undefined : `${fields[18]}.${bootId()}`;
}

/** A name for the current boot of the machine: eight digits of the random boot id, see proc_sys_kernel(5). */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
}
