// What libguestfs needs to start its appliance on a machine without a kernel, as a container is.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Variables for libguestfs. Where this machine has no kernel of its own, that of Debian is downloaded once, as a file. */
export function applianceEnvironment(): Readonly<Record<string, string>> {
  // A KVM that opens, and then hangs, is known: libguestfs waits for it without end.
  const direct = { LIBGUESTFS_BACKEND: 'direct', LIBGUESTFS_BACKEND_SETTINGS: 'force_tcg' };
  if (readdirSync('/boot').some((name) => name.startsWith('vmlinuz'))) return direct;
  const directory = path.join(tmpdir(), 'vlb-test-kernel-any');
  if (!existsSync(directory)) download(directory);
  const modules = path.join(directory, 'lib/modules');
  const [version = ''] = readdirSync(modules);
  // supermin looks there, whatever it was told.
  mkdirSync('/lib/modules', { recursive: true });
  return {
    ...direct,
    SUPERMIN_KERNEL: path.join(directory, 'boot', `vmlinuz-${version}`),
    SUPERMIN_KERNEL_VERSION: version,
    SUPERMIN_MODULES: path.join(modules, version),
  };
}

function download(directory: string): void {
  const made = `${directory}-${process.pid}`;
  mkdirSync(made);
  const run = (command: string, ...args: readonly string[]) =>
    execFileSync(command, args, { cwd: made, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  // The one for clouds has no 9p.
  const name = /linux-image-\d\S*/.exec(run('apt-cache', 'depends', 'linux-image-amd64'))?.[0] ?? '';
  run('apt-get', '-q', 'download', name);
  const [archive = ''] = readdirSync(made);
  run('dpkg-deb', '-x', archive, made);
  run('depmod', '-b', made, readdirSync(path.join(made, 'lib/modules'))[0] ?? '');
  renameSync(made, directory);
}
