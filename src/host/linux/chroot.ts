// Runs a build-layer: the chroot of a mounted system, with everything around the script that a package install expects.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../../model/failure.ts';
import type { ChrootScript, HostScript, MountedSystem } from '../../model/host.ts';
import { madeList } from './mount.ts';
import type { RootShell } from './root-shell.ts';
import { asRoot } from './sudo.ts';

/** Debian Policy, "policy-rc.d": 101 forbids the action, so nothing starts while packages install. */
const POLICY = '#!/bin/sh\nexit 101\n';

/**
 * Runs a command in the chroot, in /mnt, and returns its exit status.
 * @param directory the run's own directory
 */
export async function runInChroot(
  shell: RootShell,
  system: MountedSystem,
  script: ChrootScript,
  directory: string,
): Promise<Result<number>> {
  const owned = await ownByRoot(shell, [script.inputs, ...script.binds.map((bind) => bind.source)]);
  if (!owned.ok) return owned;
  const prepared = await shell.run([
    'prepare_chroot',
    system.root,
    madeList(directory),
    ...script.binds.map((bind) => `${bind.type}:${bind.target}`),
  ]);
  if (!prepared.ok) return prepared;
  const policy = path.join(directory, 'policy-rc.d');
  writeFileSync(policy, POLICY, { mode: 0o755 });
  return shell.stream(
    [
      'chrooted',
      networkOf(script),
      system.root,
      script.inputs,
      copyOfResolvConf(directory),
      prepared.value.stdout.includes('dpkg') ? policy : '',
      String(script.binds.length),
      ...script.binds.flatMap((bind) => [bind.source, bind.target]),
      ...variables(script.environment),
      'unshare',
      '--root=.',
      '--wd=/mnt',
      script.command,
    ],
    script.onOutput,
  );
}

/** Runs a modify-disk on the host, in a box of its own, and returns its exit status. */
export async function runOnHost(
  shell: RootShell,
  script: HostScript,
  wrap: (argv: readonly string[]) => readonly string[],
): Promise<Result<number>> {
  const owned = await ownByRoot(shell, [script.inputs]);
  if (!owned.ok) return owned;
  return shell.stream(
    [
      'boxed',
      networkOf(script),
      script.inputs,
      ...wrap(['env', '-i', ...variables(script.environment), ...script.argv]),
    ],
    script.onOutput,
  );
}

/** An ordinary user cannot stage files that belong to root. */
async function ownByRoot(shell: RootShell, places: readonly string[]): Promise<Result<void>> {
  if (asRoot(['true']).length === 1) return ok();
  const done = await shell.run(['chown', '--recursive', '--no-dereference', '0:0', '--', ...places]);
  return done.ok ? ok() : done;
}

/** What `unshare` is told besides; see sh/agent.sh. */
function networkOf(script: { readonly noNetwork: boolean }): string {
  return script.noNetwork ? 'none' : 'host';
}

function variables(environment: Readonly<Record<string, string>>): string[] {
  return Object.entries(environment).map(([name, value]) => `${name}=${value}`);
}

/** The host's name resolution, as a copy: what a script does to it stays in the run. */
function copyOfResolvConf(directory: string): string {
  const copy = path.join(directory, 'resolv.conf');
  try {
    writeFileSync(copy, readFileSync('/etc/resolv.conf'), { mode: 0o644 });
    return copy;
  } catch {
    return ''; // a host without one resolves nothing, and so does the chroot
  }
}
