// Finds the root shell among the machine's processes: in its own PID namespace it is always number 1.

import { readdirSync, readFileSync } from 'node:fs';

/**
 * Returns the process that is number 1 of a PID namespace and descends from the given one; undefined if none exists.
 * proc(5), /proc/PID/status: PPid is the parent, NSpid the numbers in each namespace from ours inwards.
 */
export function firstProcessBelow(ancestor: number): number | undefined {
  const processes = readdirSync('/proc').flatMap((name) =>
    /^\d+$/.test(name) ? readStatus(Number(name)) : [],
  );
  const below = new Set([ancestor]);
  // A process is often, but not always, listed behind its parent.
  for (let size = 0; size < below.size; ) {
    size = below.size;
    for (const { pid, parent } of processes) if (below.has(parent)) below.add(pid);
  }
  return processes.find(({ pid, numbers }) => below.has(pid) && numbers.length > 1 && numbers.at(-1) === '1')
    ?.pid;
}

function readStatus(pid: number): { pid: number; parent: number; numbers: string[] }[] {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const parent = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
    return [{ pid, parent, numbers: /^NSpid:\s*(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [] }];
  } catch {
    return []; // it has just ended
  }
}
