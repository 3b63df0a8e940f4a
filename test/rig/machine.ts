// This machine, but lacking something: a PATH without a tool, a /dev without a node, other rights. The host is untouched:
// mounts are in a namespace of their own, which ends with the command.

import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { asRoot } from './root.ts';

/** A directory to use as the PATH: every tool of this machine but those that match, and the node that runs vlb. */
export function pathWithout(directory: string, lacking: RegExp): string {
  mkdirSync(directory, { recursive: true });
  const seen = new Set<string>();
  for (const place of [path.dirname(process.execPath), '/usr/bin', '/usr/sbin']) {
    for (const tool of readdirSync(place)) {
      if (lacking.test(tool) || seen.has(tool)) continue;
      seen.add(tool);
      symlinkSync(path.join(place, tool), path.join(directory, tool));
    }
  }
  return directory;
}

/** The command where these shell commands ran before it, as root, in a mount namespace of its own. */
export function afterMounting(commands: string, argv: readonly string[]): readonly [string, string[]] {
  return asRoot('unshare', ['--mount', 'sh', '-euc', `${commands}\nexec "$@"`, 'sh', ...argv]);
}

/** Shell commands that put a /dev in place of this one, with the nodes that match a shell pattern of `case`. */
export function devWithout(pattern: string, options = ''): string {
  return `new=$(mktemp -d)
mount -t tmpfs -o "mode=0755${options}" tmpfs "$new"
for node in /dev/*; do
  case $node in ${pattern}) continue ;; esac
  if [ -b "$node" ] || [ -c "$node" ] || [ -L "$node" ]; then cp -a "$node" "$new"; fi
done
mount --move "$new" /dev
rmdir "$new"`;
}

/** What root puts before a command to run it as the user nobody, who may not use sudo. */
export const AS_NOBODY = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', 'env', 'HOME=/'];

/** The command as the user nobody. */
export function asNobody(argv: readonly string[]): readonly [string, string[]] {
  const [command = '', ...args] = [...AS_NOBODY, ...argv];
  return asRoot(command, args);
}
