// Runs a build-layer or an interactive shell in the chroot of a mounted system, with all that a package install expects.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Bind, ChrootScript, HostScript, MountedSystem, Streams } from '../../model/ports/machine.ts';
import type { Secret } from '../../model/secret.ts';
import { isRoot } from '../process/sudo.ts';
import { escapeLine, type RootShell } from '../root/root-shell.ts';
import { madeList, pointFailure, WRONG_PLACE } from './mount.ts';

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
  const copies = script.binds.filter((bind) => bind.isCopy).map((bind) => bind.source);
  const owned = await ownByRoot(shell, [script.inputs, ...copies]);
  if (!owned.ok) return owned;
  const list = madeList(directory);
  const prepared = await shell.run(['prepare_chroot', system.root, list], [0, WRONG_PLACE]);
  if (!prepared.ok) return prepared;
  if (prepared.value.status !== 0) {
    return fail('work', `cannot set up the chroot: ${prepared.value.stderr.trim()}`, {
      hint: 'vlb mounts over this path during the build; remove or fix it in the layer that created it',
    });
  }
  const binds = await prepareBinds(shell, system, script.binds, list);
  if (!binds.ok) return binds;
  const secrets = await putSecrets(shell, script.secrets, directory);
  if (!secrets.ok) return secrets;
  const policy = path.join(directory, 'policy-rc.d');
  writeFileSync(policy, POLICY, { mode: 0o755 });
  writeVariables(script, '/run/secrets', directory);
  const ended = await runOn(
    shell,
    script.streams,
    [
      'chrooted',
      networkOf(script),
      directory,
      system.root,
      script.inputs,
      copyOfResolvConf(directory),
      prepared.value.stdout.includes('dpkg') ? policy : '',
      secrets.value,
      String(script.binds.length),
      ...script.binds.flatMap((bind) => [bind.source, bind.target]),
      ...script.argv,
    ],
    directory,
  );
  if (!ended.ok || ended.value === 0 || existsSync(path.join(directory, 'started'))) return ended;
  return fail('host', 'cannot set up the chroot');
}

/** Creates the mount points of the binds. Fails as `work` where the image has something else at one of these paths. */
async function prepareBinds(
  shell: RootShell,
  system: MountedSystem,
  binds: readonly Bind[],
  list: string,
): Promise<Result<void>> {
  for (const { source, target, type, isCopy, where } of binds) {
    if (!isCopy) {
      const owned = await shell.run(['chown', '0:0', '--', source]);
      if (!owned.ok) return owned;
    }
    const made = await shell.run(['mount_point', system.root, target, type, list], [0, WRONG_PLACE]);
    if (!made.ok) return made;
    if (made.value.status !== 0) return pointFailure(made.value, where);
  }
  return ok();
}

/** Puts secrets into memory that only this run's processes see; returns the directory, or '' without secrets. */
async function putSecrets(
  shell: RootShell,
  secrets: readonly Secret[],
  directory: string,
): Promise<Result<string>> {
  if (secrets.length === 0) return ok('');
  const place = path.join(directory, 'secrets');
  mkdirSync(place);
  // Unlike tmpfs, ramfs is never swapped out to a disk.
  const mounted = await shell.run([
    'mount',
    '-t',
    'ramfs',
    '-o',
    'nosuid,nodev,noexec,mode=0755',
    'ramfs',
    place,
  ]);
  if (!mounted.ok) return mounted;
  for (const { name, content } of secrets) {
    const written = await shell.write(path.join(place, name), content);
    if (!written.ok) return written;
  }
  return ok(place);
}

/**
 * Runs a modify-disk on the host, in namespaces of its own, and returns its exit status.
 * @param directory the run's own directory
 */
export async function runOnHost(
  shell: RootShell,
  script: HostScript,
  directory: string,
): Promise<Result<number>> {
  const owned = await ownByRoot(shell, [script.inputs]);
  if (!owned.ok) return owned;
  const secrets = await putSecrets(shell, script.secrets, directory);
  if (!secrets.ok) return secrets;
  const ended = await runOn(
    shell,
    script.streams,
    [
      'boxed',
      networkOf(script),
      writeVariables(script, secrets.value, directory),
      script.inputs,
      script.lent?.device ?? '',
      ...script.argv,
    ],
    directory,
  );
  if (script.makes === undefined || isRoot() || !ended.ok) return ended;
  const user = `${process.getuid?.()}:${process.getgid?.()}`;
  // Status 1: the script did not create it; the caller reports that.
  const given = await shell.run(['chown', '--no-dereference', user, '--', script.makes], [0, 1]);
  return given.ok ? ended : given;
}

/** Runs a function of agent.sh on these streams. */
function runOn(
  shell: RootShell,
  streams: Streams,
  argv: readonly string[],
  directory: string,
): Promise<Result<number>> {
  return typeof streams === 'function'
    ? shell.stream(argv, streams)
    : shell.join(argv, path.join(directory, 'request'), streams);
}

/** An ordinary user cannot stage files that belong to root. */
async function ownByRoot(shell: RootShell, places: readonly string[]): Promise<Result<void>> {
  if (isRoot()) return ok();
  const done = await shell.run(['chown', '--recursive', '--no-dereference', '0:0', '--', ...places]);
  return done.ok ? ok() : done;
}

/** The network argument of the agent's functions. */
function networkOf(script: { readonly noNetwork: boolean }): string {
  return script.noNetwork ? 'none' : 'host';
}

/** Writes a script's variables to a file that others cannot read, for `with_variables` of agent.sh. */
function writeVariables(
  { environment, secrets }: Pick<HostScript, 'environment' | 'secrets'>,
  secretsPlace: string,
  directory: string,
): string {
  const file = path.join(directory, 'environment');
  const variables = secrets.length === 0 ? environment : { ...environment, VLB_SECRETS: secretsPlace };
  const lines = Object.entries(variables).map(([name, value]) => `${escapeLine(`${name}=${value}`)}\n`);
  writeFileSync(file, lines.join(''), { mode: 0o600 });
  return file;
}

/** Copies the host's resolv.conf, so that changes by a script stay in the run; returns '' if the host has none. */
function copyOfResolvConf(directory: string): string {
  const copy = path.join(directory, 'resolv.conf');
  try {
    writeFileSync(copy, readFileSync('/etc/resolv.conf'), { mode: 0o644 });
    return copy;
  } catch {
    return ''; // without it the host resolves nothing, and neither does the chroot
  }
}
