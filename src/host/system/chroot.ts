// Runs a build-layer, or a person's shell: the chroot of a mounted system, with everything around the script that a package install expects.

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
    return fail('work', `the chroot cannot be set up: ${prepared.value.stderr.trim()}`, {
      hint: 'vlb needs that place while a script runs: change it in the layer that made it so',
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
  return fail('host', 'the chroot cannot be set up');
}

/** Makes the mount points of the binds. Fails as `work` where the image has something else in the place of one. */
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

/** Puts secrets into memory that only this run's processes see; returns the directory, '' when there are none. */
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
 * Runs a modify-disk on the host, in a box of its own, and returns its exit status.
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
  // Status 1: there is none, which whoever looks for it will tell.
  const given = await shell.run(['chown', '--no-dereference', user, '--', script.makes], [0, 1]);
  return given.ok ? ended : given;
}

/** Runs a function of sh/agent.sh on these streams. */
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

/** What `unshare` is told besides; see sh/agent.sh. */
function networkOf(script: { readonly noNetwork: boolean }): string {
  return script.noNetwork ? 'none' : 'host';
}

/** Writes a script's variables to a file for `with_variables` of sh/agent.sh, which others cannot read. */
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
