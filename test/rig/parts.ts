// The processes that a running vlb consists of, to be killed one by one.

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRoot, runAsRoot } from './root.ts';

/**
 * `vlb`: vlb itself; `keeper`: the process that waits for the root shell, and with which it ends; `shell`: the root shell that holds a run; `server`: its process that takes commands; `daemon`: qemu-storage-daemon; `holder`: what keeps a
 * loop device; `init`: the first process in a script's namespaces; `script`: the script; `xz`: what unpacks a base.
 */
export type Part = 'vlb' | 'keeper' | 'shell' | 'server' | 'daemon' | 'holder' | 'init' | 'script' | 'xz';

interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Its numbers in each PID namespace, the innermost last. */
  readonly numbers: readonly string[];
  readonly command: string;
}

/** The process ids of a part of the vlb that is process `vlb`; none while there is no such process. */
export function findPart(part: Part, vlb: number): readonly number[] {
  if (part === 'vlb') return [vlb];
  const below = descendants(vlb);
  const first = (depth: number) =>
    below.filter(({ numbers }) => numbers.length === depth && numbers.at(-1) === '1');
  const found = {
    keeper: () => {
      const parents = first(2).map(({ parent }) => parent);
      return below.filter(({ pid }) => parents.includes(pid));
    },
    shell: () => first(2),
    server: () => {
      const shells = first(2).map(({ pid }) => pid);
      const halves = below.filter(({ parent }) => shells.includes(parent)).map(({ pid }) => pid);
      return below.filter(({ parent, command }) => halves.includes(parent) && /\.sh serve /.test(command));
    },
    daemon: () => below.filter(({ command }) => command.startsWith('qemu-storage-daemon ')),
    holder: () => below.filter(({ command }) => command === 'sleep infinity '),
    init: () => first(3),
    xz: () => below.filter(({ command }) => command.startsWith('xz ')),
    script: () => below.filter(({ command }) => /^\S+ (\/mnt\/build-layer|\.\/modify-disk) /.test(command)),
  }[part]();
  return found.map(({ pid }) => pid);
}

/** Sends a signal, SIGKILL by default. Returns whether there was such a process: it may just have ended. */
export function send(pid: number, signal: 'KILL' | 'STOP' = 'KILL'): boolean {
  try {
    if (isRoot) return process.kill(pid, `SIG${signal}`);
    runAsRoot('kill', `-${signal}`, String(pid)); // most of them are root's
    return true;
  } catch {
    return false;
  }
}

/**
 * Kills everything that a root shell is, with SIGKILL, in such an order that qemu-storage-daemon ends last of what it has started.
 * Returns whether there were all these processes.
 */
export async function killDaemonLast(vlb: number): Promise<boolean> {
  const [[keeper], [shell], [daemon]] = [
    findPart('keeper', vlb),
    findPart('shell', vlb),
    findPart('daemon', vlb),
  ];
  if (keeper === undefined || shell === undefined || daemon === undefined) return false;
  // They would kill the others.
  if (!send(keeper, 'STOP') || !send(shell, 'STOP')) return false;
  for (let others = [0]; others.length > 0; await sleep(1)) {
    others = descendants(shell)
      .map(({ pid }) => pid)
      .filter((pid) => pid !== daemon && isRunning(pid));
    for (const pid of others) send(pid);
  }
  send(keeper);
  return true;
}

/** Whether a process has not ended. A zombie has, unless it has threads that have not. */
function isRunning(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).some((thread) => {
      return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'));
    });
  } catch {
    return false;
  }
}

/** Whether a process has no memory any more. */
function isEnding(pid: number): boolean {
  return read(pid).every(({ command }) => command === '');
}

/** The numbers by which the kernel knows the FUSE exports that a process sees. */
export function fuseConnections(pid: number): readonly string[] {
  try {
    // From proc_pid_mountinfo(5): a connection has the minor number of its file system.
    const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').matchAll(/^\S+ \S+ 0:(\d+) .* - fuse /gm);
    return [...mounts].map(([, number = '']) => number);
  } catch {
    return [];
  }
}

/**
 * Waits until processes have ended. Returns those that cannot: of a process that was killed, nothing is left after five seconds.
 * Then these FUSE connections are aborted: a process that waits for itself there ends, and with it every sync(2) of the machine.
 */
export async function untilEnded(
  pids: readonly number[],
  connections: readonly string[],
): Promise<readonly number[]> {
  for (let tries = 0; tries < 100 && pids.some(isRunning); await sleep(50)) {
    if (pids.some((pid) => isRunning(pid) && isEnding(pid))) tries++;
  }
  const hung = pids.filter(isRunning);
  if (hung.length === 0) return [];
  const place = '/sys/fs/fuse/connections';
  const abort = `mount -t fusectl fusectl ${place}; for c; do echo 1 >"${place}/$c/abort"; done`;
  runAsRoot('unshare', '--mount', 'sh', '-c', abort, 'sh', ...connections);
  return hung;
}

function descendants(ancestor: number): readonly Process[] {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? read(Number(name)) : []));
  const found = new Map<number, Process>();
  for (let size = -1; size < found.size; ) {
    size = found.size;
    for (const one of all) if (one.parent === ancestor || found.has(one.parent)) found.set(one.pid, one);
  }
  return [...found.values()];
}

function read(pid: number): Process[] {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const parent = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
    const numbers = /^NSpid:\s*(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
    const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
    return [{ pid, parent, numbers, command }];
  } catch {
    return []; // it has just ended
  }
}
