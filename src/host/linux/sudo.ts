// How a command gets root's rights: as it is where vlb is root, through `sudo -n` where it is not.

/** The argument list that runs a command as root. */
export function asRoot(argv: readonly [string, ...string[]]): readonly [string, ...string[]] {
  return isRoot() ? argv : ['sudo', '-n', '--', ...argv];
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}
