// Closes files that vlb inherited open, as in `vlb build 9<file`: scripts must not get them.

import { closeSync, readdirSync } from 'node:fs';
import { textIfAny } from '../../util/fs.ts';

/** open(2)'s O_CLOEXEC, as fdinfo of proc(5) shows it, in octal. Node opens all its own files with it. */
const CLOSE_ON_EXEC = 0o2000000;

/** Closes all inherited files but the standard streams. Children would inherit them, and a shell can close only those up to 9. */
export function closeInherited(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const descriptor = Number(name);
    if (descriptor > 2 && !closesOnExec(descriptor)) closeSync(descriptor);
  }
}

function closesOnExec(descriptor: number): boolean {
  // Absent for the descriptor of the directory listing, which is closed already.
  const info = textIfAny(`/proc/self/fdinfo/${descriptor}`) ?? '';
  const flags = /^flags:\s*([0-7]+)$/m.exec(info)?.[1];
  return flags === undefined || (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0;
}
