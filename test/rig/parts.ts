// The processes that a running vlb consists of, to be killed one by one.

import { readdirSync, readFileSync } from 'node:fs';

/**
 * `vlb`: vlb itself; `shell`: the root shell that holds a run; `server`: its process that takes commands; `daemon`: qemu-storage-daemon; `holder`: what keeps a
 * loop device; `init`: the first process in a script's namespaces; `script`: the script; `xz`: what unpacks a base.
 */
export type Part = 'vlb' | 'shell' | 'server' | 'daemon' | 'holder' | 'init' | 'script' | 'xz';

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
    shell: () => first(2),
    server: () => {
      const shells = first(2).map(({ pid }) => pid);
      const halves = below.filter(({ parent }) => shells.includes(parent)).map(({ pid }) => pid);
      return below.filter(({ parent, command }) => halves.includes(parent) && /\.sh agent /.test(command));
    },
    daemon: () => below.filter(({ command }) => command.startsWith('qemu-storage-daemon ')),
    holder: () => below.filter(({ command }) => command === 'sleep infinity '),
    init: () => first(3),
    xz: () => below.filter(({ command }) => command.startsWith('xz ')),
    script: () => below.filter(({ command }) => /^\S+ (\/mnt\/build-layer|\.\/modify-disk) /.test(command)),
  }[part]();
  return found.map(({ pid }) => pid);
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
