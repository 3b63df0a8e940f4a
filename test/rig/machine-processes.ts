// The virtual machines that run on this host.

import { readdirSync, readFileSync } from 'node:fs';

/** The process ids of those QEMUs that have a file below a directory on their command line. */
export function guestsOf(directory: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return /^\d+$/.test(pid) && words.startsWith('qemu-system') && words.includes(directory);
    } catch {
      return false; // it has ended
    }
  });
}
