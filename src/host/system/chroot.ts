// Runs a build-layer or an interactive shell in the chroot of a mounted system, with all that a package install expects;
// and a modify-disk on the host.

import path from 'node:path';
import { diskVariable } from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Bind, ChrootScript, HostScript, MountedSystem, Streams } from '../../model/ports/machine.ts';
import type { Secret } from '../../model/project.ts';
import { databaseEntry, linksTo, nodeOf } from '../images/udev.ts';
import { isRoot } from '../process/sudo.ts';
import * as agent from '../root/agent.ts';
import { escapeLine } from '../root/root-shell.ts';
import type { RunShell } from '../root/run-shell.ts';
import { pointFailure } from './mount.ts';

/** Debian Policy, "policy-rc.d": 101 forbids the action, so nothing starts while packages install. */
const POLICY = '#!/bin/sh\n# vlb: no service starts while a script runs\nexit 101\n';

/** Where a script without a file of its own is in the chroot: in memory, like all of /run. */
const TEXT_PLACE = '/run/vlb-step';

/** The first line of the copy of the host's resolv.conf, which distinguishes it from what a script wrote. */
const RESOLV_CONF = "# vlb: the host's name servers, while a script runs\n";

/** For LVM and others that use the device mapper where no udevd runs: they make their nodes themselves. */
const WITHOUT_UDEV = { DM_DISABLE_UDEV: '1' };

/** Runs a command in the chroot, in /mnt, and returns its exit status. */
export async function runInChroot(
  run: RunShell,
  system: MountedSystem,
  script: ChrootScript,
): Promise<Result<number>> {
  const { shell, directory, lists } = run;
  const { binds } = script;
  const copies = binds.filter((bind) => bind.isCopy).map((bind) => bind.source);
  const owned = await ownByRoot(run, [script.inputs, ...copies]);
  if (!owned.ok) return owned;
  const prepared = await agent.prepareChroot(shell, system.root, lists);
  if (!prepared.ok) return prepared;
  const { obstacle, hasDpkg } = prepared.value;
  if (obstacle !== undefined) {
    return fail('work', `cannot set up the chroot: ${obstacle}`, {
      hint: 'vlb mounts over this path during the build; remove or fix it in the layer that created it',
    });
  }
  const points = await prepareBinds(run, system, binds);
  if (!points.ok) return points;
  const secrets = await putSecrets(run, script.secrets);
  if (!secrets.ok) return secrets;
  const { isBeside = false } = script;
  const environment = {
    VLB_DISK: system.disk,
    VLB_ROOT_PARTITION: system.rootDevice,
    ...Object.fromEntries(system.further.map(({ name, disk }) => [diskVariable(name), disk.device])),
    ...(system.volumes.some(({ node }) => node !== undefined) ? WITHOUT_UDEV : {}),
    ...(isBeside ? { VLB_ROOT: system.root, TMPDIR: run.file('memory') } : {}),
    ...script.environment,
  };
  const secretsPlace = isBeside ? secrets.value : '/run/secrets';
  const variables = await writeVariables(run, { ...script, environment }, secretsPlace);
  if (!variables.ok) return variables;
  const text = await writeText(run, script.text);
  if (!text.ok) return text;
  const described = await describeDisk(run, system);
  if (!described.ok) return described;
  const lent = await lendFiles(run, system, script, hasDpkg);
  if (!lent.ok) return lent;
  const command = agent.chrootCommand({
    noNetwork: script.noNetwork,
    directory,
    root: system.root,
    disk: system.disk,
    hostname: script.hostname?.name ?? 'localhost',
    inputs: script.inputs,
    secrets: secrets.value,
    isBeside,
    binds: isBeside ? binds : [...binds, ...text.value],
    argv: argvOf(script, isBeside ? run.file('step') : TEXT_PLACE),
  });
  const ended = await runOn(run, script.streams, command);
  if (!ended.ok) return ended;
  const caches = binds.filter((bind) => !bind.isCopy).map((bind) => bind.source);
  const left = await agent.leaveChroot(shell, directory, system.root, caches);
  if (!left.ok) return left;
  if (ended.value === 0 || (await shell.files.exists(run.file('started')))) return ended;
  return fail('host', 'cannot set up the chroot');
}

function argvOf({ text, argv }: ChrootScript, place: string): readonly string[] {
  return text === undefined ? argv : ['/bin/sh', '-eu', place];
}

/** Writes the text of a script. Returns what shows it in the chroot, whose /run exists only there: it needs no mount point. */
async function writeText(
  run: RunShell,
  text: string | undefined,
): Promise<Result<readonly { readonly source: string; readonly target: string }[]>> {
  if (text === undefined) return ok([]);
  const source = run.file('step');
  const written = await run.shell.files.write(source, text);
  return written.ok ? ok([{ source, target: TEXT_PLACE }]) : written;
}

/** Makes the links of /dev and the entries of udev's database, for `mount_hardware` of agent/hardware.sh. */
async function describeDisk(run: RunShell, { volumes }: MountedSystem): Promise<Result<void>> {
  const { files } = run.shell;
  for (const name of ['udev', 'links']) {
    const made = await files.makeDirectory(run.file(name));
    if (!made.ok) return made;
  }
  const links = volumes.flatMap((volume) =>
    linksTo(volume).map(
      (link) => [link, `${'../'.repeat(link.split('/').length - 1)}${nodeOf(volume)}`] as const,
    ),
  );
  for (const [link, target] of links) {
    const linked = await files.link(target, run.file(`links/${link}`));
    if (!linked.ok) return linked;
  }
  for (const volume of volumes) {
    const written = await files.write(run.file(`udev/${nodeOf(volume)}`), databaseEntry(volume));
    if (!written.ok) return written;
  }
  return ok();
}

/**
 * Writes the texts of the files that the image has only while the script runs: agent/lend.sh puts them there. Each line ends with
 * a newline, and each text is in no image yet.
 */
async function lendFiles(
  run: RunShell,
  system: MountedSystem,
  { hostname, noNetwork }: ChrootScript,
  hasDpkg: boolean,
): Promise<Result<void>> {
  const { files } = run.shell;
  // Without network there is nothing to ask.
  const servers = noNetwork ? undefined : nameServers(run);
  if (hostname) {
    const point = { target: '/etc/hosts', type: 'file' } as const;
    const made = await agent.makeMountPoint(run.shell, system.root, point, run.lists);
    if (!made.ok) return made;
    if (made.value !== undefined) return pointFailure(made.value, hostname.where);
  }
  const texts = [
    ['resolv.conf', servers],
    ['policy-rc.d', hasDpkg ? POLICY : undefined],
    ['hosts', hostname && hostsLine(hostname.name)],
  ] as const;
  for (const [name, text] of texts) {
    if (text === undefined) continue;
    const file = run.file(`lent/${name}/given`);
    const made = await files.makeDirectory(path.dirname(file));
    if (!made.ok) return made;
    const written = await files.write(file, Buffer.from(text, 'latin1'));
    if (!written.ok) return written;
  }
  return ok();
}

/** The line of /etc/hosts for a script's host name; the first line with a name counts. */
function hostsLine(name: string): string {
  const short = name.split('.', 1)[0];
  return `127.0.1.1 ${short === name ? name : `${name} ${short}`}\n`;
}

/** Creates the mount points of the binds. Fails as `work` where the image has something else at one of these paths. */
async function prepareBinds(
  { shell, lists }: RunShell,
  system: MountedSystem,
  binds: readonly Bind[],
): Promise<Result<void>> {
  for (const bind of binds) {
    if (!bind.isCopy) {
      // A run that was killed may have left it pinned.
      const unpinned = await agent.unpin(shell, bind.source);
      if (!unpinned.ok) return unpinned;
      const owned = await agent.giveToRoot(shell, [bind.source], false);
      if (!owned.ok) return owned;
    }
    const made = await agent.makeMountPoint(shell, system.root, bind, lists);
    if (!made.ok) return made;
    if (made.value !== undefined) return pointFailure(made.value, bind.where);
  }
  return ok();
}

/** Puts secrets into memory that only this run's processes see; returns the directory, or '' without secrets. */
async function putSecrets(run: RunShell, secrets: readonly Secret[]): Promise<Result<string>> {
  if (secrets.length === 0) return ok('');
  const { shell } = run;
  const place = run.file('secrets');
  const made = await shell.files.makeDirectory(place);
  if (!made.ok) return made;
  const mounted = await agent.mountSecrets(shell, place);
  if (!mounted.ok) return mounted;
  for (const { name, content } of secrets) {
    const written = await shell.write(`${place}/${name}`, content);
    if (!written.ok) return written;
  }
  return ok(place);
}

/** Runs a modify-disk on the host, in namespaces of its own, and returns its exit status. */
export async function runOnHost(run: RunShell, script: HostScript): Promise<Result<number>> {
  const owned = await ownByRoot(run, [script.inputs]);
  if (!owned.ok) return owned;
  const secrets = await putSecrets(run, script.secrets);
  if (!secrets.ok) return secrets;
  const environment = { ...(run.hasOwnKernel ? WITHOUT_UDEV : {}), ...script.environment };
  const variables = await writeVariables(run, { ...script, environment }, secrets.value);
  if (!variables.ok) return variables;
  if (run.hasOwnKernel) {
    const named = await run.shell.files.write(agent.NAME_SERVERS, run.nameServers() ?? '');
    if (!named.ok) return named;
  }
  const command = agent.hostCommand({
    noNetwork: script.noNetwork,
    variables: variables.value,
    inputs: script.inputs,
    device: script.lent?.device ?? '',
    argv: script.argv,
  });
  const ended = await runOn(run, script.streams, command);
  if (script.makes === undefined || isRoot() || !ended.ok) return ended;
  // If the script did not create the file, the caller reports that.
  const given = await agent.giveToUser(run.shell, script.makes);
  return given.ok ? ended : given;
}

const WITHOUT_MEMORY =
  'vlb: the virtual machine had no memory left, and its kernel killed a process: set vm: memory: in vlb.yaml\n';

/** Runs a command of the agent on these streams. Where a machine of its own had too little memory for it, that is printed. */
async function runOn(run: RunShell, streams: Streams, argv: readonly string[]): Promise<Result<number>> {
  if (typeof streams !== 'function') return run.shell.join(argv, run.file('request'), streams);
  const ended = await run.shell.stream(argv, streams);
  if (!ended.ok || ended.value === 0 || !run.hasOwnKernel) return ended;
  const without = await agent.wasWithoutMemory(run.shell, run.directory);
  if (without.ok && without.value) await streams(Buffer.from(WITHOUT_MEMORY));
  return ended;
}

/** An ordinary user cannot stage files that belong to root. */
async function ownByRoot({ shell }: RunShell, places: readonly string[]): Promise<Result<void>> {
  return isRoot() ? ok() : agent.giveToRoot(shell, places, true);
}

/** Writes a script's variables to a file that other users cannot read, in the form of agent/sandbox.sh; returns the file. */
async function writeVariables(
  run: RunShell,
  { environment, secrets }: Pick<HostScript, 'environment' | 'secrets'>,
  secretsPlace: string,
): Promise<Result<string>> {
  const variables = secrets.length === 0 ? environment : { ...environment, VLB_SECRETS: secretsPlace };
  const lines = Object.entries(variables).map(([name, value]) => `${escapeLine(`${name}=${value}`)}\n`);
  const file = run.file('environment');
  const written = await run.shell.files.write(file, lines.join(''), 0o600);
  return written.ok ? ok(file) : written;
}

/** The host's resolv.conf; undefined if it has none: then it resolves nothing, and neither does the chroot. */
function nameServers(run: RunShell): string | undefined {
  const text = run.nameServers();
  return text && `${RESOLV_CONF}${text.replace(/\n?$/, '\n')}`;
}
