// The processes that descend from one, and signals to all of them.

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { attempt } from '../../util/errors.ts';
import { textIfAny } from '../../util/fs.ts';
import { asRoot, isRoot } from './sudo.ts';

export interface ProcessStatus {
  readonly pid: number;
  readonly parent: number;
  /** Its numbers in each PID namespace, from ours inwards. */
  readonly numbers: readonly string[];
}

/** The processes below this one. In a PID namespace, orphans belong to its first process, so none is missing. */
export function descendantsOf(ancestor: number): readonly ProcessStatus[] {
  const processes = readdirSync('/proc').flatMap((name) =>
    /^\d+$/.test(name) ? readStatus(Number(name)) : [],
  );
  const below = new Set([ancestor]);
  // A process is often, but not always, listed behind its parent.
  for (let size = 0; size < below.size; ) {
    size = below.size;
    for (const { pid, parent } of processes) if (below.has(parent)) below.add(pid);
  }
  return processes.filter(({ pid }) => pid !== ancestor && below.has(pid));
}

/**
 * Stops all scripts that this process runs: parents can start no more children then, so what is found last is all there is. The root shell
 * is not stopped, since it ends the scripts should vlb be killed.
 */
export function stopScripts(): void {
  const stopped = new Set<number>();
  for (;;) {
    const others = scriptProcesses().filter(({ pid }) => !stopped.has(pid));
    if (others.length === 0) return;
    for (const { pid } of others) stopped.add(pid);
    send('STOP', others);
  }
}

/** Lets all scripts continue. */
export function continueScripts(): void {
  send('CONT', scriptProcesses());
}

/** What is in a PID namespace within that of a root shell. */
function scriptProcesses(): readonly ProcessStatus[] {
  const [own] = readStatus(process.pid);
  const depth = (own?.numbers.length ?? 1) + 2;
  return descendantsOf(process.pid).filter(({ numbers }) => numbers.length >= depth);
}

function send(signal: 'STOP' | 'CONT', processes: readonly ProcessStatus[]): void {
  const pids = processes.map(({ pid }) => pid);
  if (pids.length === 0) return;
  if (isRoot()) {
    for (const pid of pids) attempt(() => process.kill(pid, `SIG${signal}`)); // it may have ended
    return;
  }
  const [command, ...args] = asRoot(['kill', `-${signal}`, '--', ...pids.map(String)]);
  attempt(() => execFileSync(command, args, { stdio: 'ignore' }));
}

/** From proc_pid_status(5). */
function readStatus(pid: number): readonly ProcessStatus[] {
  const status = textIfAny(`/proc/${pid}/status`);
  if (status === undefined) return []; // it has just ended
  const parent = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
  return [{ pid, parent, numbers: /^NSpid:\s*(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [] }];
}
