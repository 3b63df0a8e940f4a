// Runs a build-layer: the chroot of a mounted system, with everything around the script that a package install expects.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../../model/failure.ts';
import type { ChrootScript, HostScript, MountedSystem } from '../../model/host.ts';
import { madeList } from './mount.ts';
import { escapeLine, type RootShell } from './root-shell.ts';
import { isRoot } from './sudo.ts';

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
      variablesFile(script.environment, directory),
      system.root,
      script.inputs,
      copyOfResolvConf(directory),
      prepared.value.stdout.includes('dpkg') ? policy : '',
      String(script.binds.length),
      ...script.binds.flatMap((bind) => [bind.source, bind.target]),
      'unshare',
      '--root=.',
      '--wd=/mnt',
      script.command,
    ],
    script.onOutput,
  );
}

/**
 * Runs a modify-disk on the host, in a box of its own, and returns its exit status.
 * @param directory the run's own directory
 */
export async function runOnHost(
  shell: RootShell,
  script: HostScript,
  directory: string,
  wrap: (argv: readonly string[]) => readonly string[],
): Promise<Result<number>> {
  const owned = await ownByRoot(shell, [script.inputs]);
  if (!owned.ok) return owned;
  const ended = await shell.stream(
    [
      'boxed',
      networkOf(script),
      variablesFile(script.environment, directory),
      script.inputs,
      ...wrap(script.argv),
    ],
    script.onOutput,
  );
  if (script.makes === undefined || isRoot() || !ended.ok) return ended;
  const user = `${process.getuid?.()}:${process.getgid?.()}`;
  // Status 1: there is none, which whoever looks for it will tell.
  const given = await shell.run(['chown', '--no-dereference', user, '--', script.makes], [0, 1]);
  return given.ok ? ended : given;
}

/** An ordinary user cannot stage files that belong to root. */
async function ownByRoot(shell: RootShell, places: readonly string[]): Promise<Result<void>> {
  if (isRoot()) return ok();
  const done = await shell.run(['chown', '--recursive', '--no-dereference', '0:0', '--', ...places]);
  return done.ok ? ok() : done;
}

/** What `unshare` is told besides; see sh/agent.sh. */
function networkOf(script: { readonly noNetwork: boolean }): string {
  return script.noNetwork ? 'none' : 'host';
}

/** Writes a script's variables to a file for `with_variables` of sh/agent.sh, which others cannot read. */
function variablesFile(environment: Readonly<Record<string, string>>, directory: string): string {
  const file = path.join(directory, 'environment');
  const lines = Object.entries(environment).map(([name, value]) => `${escapeLine(`${name}=${value}`)}\n`);
  writeFileSync(file, lines.join(''), { mode: 0o600 });
  return file;
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
