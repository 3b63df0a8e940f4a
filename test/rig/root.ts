// What a test itself does as root: mounts, loop devices, other users' files. As an ordinary user it goes through sudo.

import { execFileSync } from 'node:child_process';

export const isRoot = process.getuid?.() === 0;

/** The command as root, with the PATH that it is started with: sudo has one of its own. */
export function asRoot(command: string, args: readonly string[]): readonly [string, string[]] {
  if (isRoot) return [command, [...args]];
  return ['/bin/sh', ['-c', 'exec /usr/bin/sudo -n env "PATH=$PATH" "$@"', 'sh', command, ...args]];
}

/** Runs a command as root and returns what it prints. */
export function runAsRoot(command: string, ...args: string[]): string {
  return execFileSync(...asRoot(command, args), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
