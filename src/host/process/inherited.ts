// The open files that vlb was started with beside its standard streams, `vlb build 9<file`: no script's business.

import { closeSync, readdirSync, readFileSync } from 'node:fs';

/** open(2)'s O_CLOEXEC, as fdinfo of proc(5) shows it, in octal. Node opens all its own files with it. */
const CLOSE_ON_EXEC = 0o2000000;

/** Closes them, or every child would have them too; a shell can close those up to 9 alone. */
export function closeInherited(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const descriptor = Number(name);
    if (descriptor > 2 && !closesOnExec(descriptor)) closeSync(descriptor);
  }
}

function closesOnExec(descriptor: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1];
    return flags === undefined || (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0;
  } catch {
    return true; // it was the directory's that was just listed
  }
}
