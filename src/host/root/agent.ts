// The commands of the root side, one typed function each; those about devices are in agent-devices.ts, those that look at disks in
// agent-view.ts. Nothing else says which words a root shell is sent, so the order of arguments is known only in these files and in
// the functions of agent/*.sh.
// Unless a function says more, it fails as `host` when the command does, and as `interrupted` when the shell is killed.

import { ok, type Result } from '../../model/failure.ts';
import { asked, done, printed } from './answers.ts';
import type { RootShell } from './root-shell.ts';

/** The exit status of `mount_point` where the image has something else at the path. */
const WRONG_PLACE = 4;

/** The exit status of `mount_system` for a file system without an operating system. */
const NO_SYSTEM = 3;
/** The exit status of these functions where mount(8) fails, and its own. */
const REFUSED = 1;
const MOUNT_FAILED = 32;

/** Why the image cannot have a mount point at a path; undefined if it can. */
export type Obstacle = string | undefined;

// ---- Mounting: agent/mounts.sh and agent/paths.sh ----

/** What a file system is mounted with. `fast` options are left out where the file system does not know them. */
export interface MountArguments {
  readonly device: string;
  readonly target: string;
  readonly type: string;
  readonly options: string;
  readonly fast?: string;
}

/** mount(8) did not mount a file system, and said this. */
export interface Refusal {
  readonly refused: string;
}

/** Mounts a file system if it has an operating system. */
export async function mountSystem(
  shell: RootShell,
  { device, target, type, options, fast = '' }: MountArguments,
): Promise<Result<'mounted' | 'no-system' | Refusal>> {
  const answer = await shell.run(
    ['mount_system', device, target, type, options, fast],
    [0, REFUSED, NO_SYSTEM],
  );
  if (!answer.ok) return answer;
  const { status, stderr } = answer.value;
  if (status === REFUSED) return ok(refusal(stderr));
  return ok(status === 0 ? 'mounted' : 'no-system');
}

/** Mounts a file system. */
export async function mountVolume(
  shell: RootShell,
  { device, target, type, options }: MountArguments,
): Promise<Result<Refusal | undefined>> {
  const answer = await shell.run(['mount', '-t', type, '-o', options, device, target], [0, MOUNT_FAILED]);
  if (!answer.ok) return answer;
  return ok(answer.value.status === 0 ? undefined : refusal(answer.value.stderr));
}

/** Returns the last error in a device's file system that the kernel has in its log; '' for none. */
export async function lastError(shell: RootShell, device: string): Promise<Result<string>> {
  const said = await printed(shell, ['last_error', device]);
  return said.ok ? ok(said.value.trim()) : said;
}

/** The lists of what was created or mounted in an image. */
export interface MountLists {
  readonly made: string;
  readonly inside: string;
}

/** Mounts a partition at the path `target` of the image. */
export async function mountInside(
  shell: RootShell,
  root: string,
  { device, target, type, options }: MountArguments,
  { made, inside }: MountLists,
): Promise<Result<{ readonly obstacle?: string } | Refusal>> {
  const argv = ['mount_inside', root, device, target, type, options, made, inside];
  const answer = await shell.run(argv, [0, REFUSED, WRONG_PLACE]);
  if (!answer.ok) return answer;
  const { status, stderr } = answer.value;
  if (status === 0) return ok({});
  return ok(status === WRONG_PLACE ? { obstacle: stderr.trim() } : refusal(stderr));
}

/** The reason in what mount(8) prints, which begins with its name and the place. */
function refusal(stderr: string): Refusal {
  const [line = ''] = stderr.trim().split('\n');
  return { refused: line.replace(/^mount: (?:\S+: )?/, '').replace(/\.$/, '') || 'mount failed' };
}

/**
 * Tries a mount again, and returns what the kernel says on it in its log: the most serious lines first. Nothing where the
 * log cannot be read.
 */
export async function kernelWords(
  shell: RootShell,
  { device, target, type, options }: MountArguments,
): Promise<Result<readonly string[]>> {
  const said = await printed(shell, ['kernel_words', device, target, type, options]);
  if (!said.ok) return said;
  const lines = said.value.split('\n').flatMap((line) => {
    const [, level, text] = /^(\d+) (.*)$/.exec(line) ?? [];
    return text === undefined ? [] : [{ level: Number(level), text: text.trim() }];
  });
  return ok(lines.toSorted((a, b) => a.level - b.level).map(({ text }) => text));
}

/** How an image gets SELinux labels; undefined for one without SELinux, or with it disabled. */
export async function selinuxOf(shell: RootShell, root: string) {
  const said = await printed(shell, ['selinux_of', root]);
  return said.ok ? ok((['setfiles', 'nothing'] as const).find((word) => word === said.value.trim())) : said;
}

/** Mounts another layer's system at the path `target` of the image. */
export async function mountLayer(
  shell: RootShell,
  root: string,
  { device, target, type, options }: MountArguments,
  { made, inside }: MountLists,
): Promise<Result<'mounted' | 'no-system' | { readonly obstacle: string } | Refusal>> {
  const argv = ['mount_layer', device, type, options, root, target, made, inside];
  const answer = await shell.run(argv, [0, REFUSED, NO_SYSTEM, WRONG_PLACE]);
  if (!answer.ok) return answer;
  const { status, stderr } = answer.value;
  if (status === REFUSED) return ok(refusal(stderr));
  if (status === WRONG_PLACE) return ok({ obstacle: stderr.trim() });
  return ok(status === 0 ? 'mounted' : 'no-system');
}

/** Creates a mount point at a path of the image, and adds what it created to the list. */
export function makeMountPoint(
  shell: RootShell,
  root: string,
  { target, type }: { readonly target: string; readonly type: 'file' | 'directory' },
  { made }: Pick<MountLists, 'made'>,
): Promise<Result<Obstacle>> {
  return obstacle(shell, ['mount_point', root, target, type, made]);
}

async function obstacle(shell: RootShell, argv: readonly string[]): Promise<Result<Obstacle>> {
  const answer = await shell.run(argv, [0, WRONG_PLACE]);
  if (!answer.ok) return answer;
  return ok(answer.value.status === 0 ? undefined : answer.value.stderr.trim());
}

/** Unmounts what is mounted at a place. */
export function unmount(shell: RootShell, place: string) {
  return done(shell, ['umount', place]);
}

/** Trims every file system mounted at a root and below. */
export function trimAll(shell: RootShell, root: string) {
  return done(shell, ['trim_all', root]);
}

/** Trims a file system that is not mounted, by way of the mount point `target`. Returns whether it has a journal of ext4. */
export async function trimVolume(
  shell: RootShell,
  { device, target, type, options }: MountArguments,
): Promise<Result<boolean>> {
  const said = await printed(shell, ['trim_volume', device, type, options, target]);
  return said.ok ? ok(said.value.trim() === 'journal') : said;
}

/** Grows a file system to the size of its device: xfs and btrfs by the place where they are mounted, others not mounted. */
export async function growVolume(
  shell: RootShell,
  { device, target, type }: Pick<MountArguments, 'device' | 'target' | 'type'>,
): Promise<Result<void>> {
  if (type === 'xfs') return done(shell, ['xfs_growfs', target]);
  if (type === 'btrfs') return done(shell, ['btrfs', 'filesystem', 'resize', 'max', target]);
  const checked = await done(shell, ['e2fsck', '-f', '-p', device], [0, 1]); // 1: it had something to repair
  return checked.ok ? done(shell, ['resize2fs', device]) : checked;
}

/** What is known of file systems once they are unmounted, by their devices. */
export interface Unmounted {
  /** Those whose journals are worth emptying. */
  readonly journals: readonly string[];
  /** Those in which the kernel found errors. */
  readonly damaged: readonly string[];
}

/**
 * Unmounts everything at a root and below, and removes the mount points in the list. Fails as `host` when something could not
 * be written. @param worth how many blocks in a journal make it worth emptying: below, finding it costs more
 */
export async function unmountAll(
  shell: RootShell,
  root: string,
  { made }: Pick<MountLists, 'made'>,
  worth = 256,
): Promise<Result<Unmounted>> {
  const devices = await printed(shell, ['unmount_all', root, made, String(worth)]);
  if (!devices.ok) return devices;
  const those = (word: string) =>
    [...devices.value.matchAll(/^(\S+) (.*)$/gm)].flatMap(([, kind, device = '']) =>
      kind === word ? [device] : [],
    );
  return ok({ journals: those('journal'), damaged: those('errors') });
}

/** Mounts memory for secrets: unlike tmpfs, ramfs is never swapped out to a disk. */
export function mountSecrets(shell: RootShell, place: string) {
  return done(shell, ['mount', '-t', 'ramfs', '-o', 'nosuid,nodev,noexec,mode=0755', 'ramfs', place]);
}

// ---- Scripts: agent/sandbox.sh ----

/**
 * Creates the mount points that every chroot needs. Returns whether services have to be kept from starting the Debian way,
 * or why the image cannot be used.
 */
export async function prepareChroot(
  shell: RootShell,
  root: string,
  { made }: Pick<MountLists, 'made'>,
): Promise<Result<{ readonly obstacle: Obstacle; readonly hasDpkg: boolean }>> {
  const answer = await shell.run(['prepare_chroot', root, made], [0, WRONG_PLACE]);
  if (!answer.ok) return answer;
  const { status, stdout, stderr } = answer.value;
  return ok({ obstacle: status === 0 ? undefined : stderr.trim(), hasDpkg: stdout.includes('dpkg') });
}

/** Takes back what `run_in_chroot` put into the image, after its end. @param caches directories that stay */
export function leaveChroot(shell: RootShell, run: string, root: string, caches: readonly string[]) {
  return done(shell, ['leave_chroot', run, root, ...caches]);
}

/** Makes files removable that a script pinned with chattr(1). */
export function unpin(shell: RootShell, directory: string) {
  return done(shell, ['unpin', directory]);
}

/** The words that run a script in the chroot of an image, for `stream` or `join` of the root shell. */
export function chrootCommand(script: {
  readonly noNetwork: boolean;
  /** The run's own directory, with the script's variables in it, and the files to lend in lent/. */
  readonly directory: string;
  readonly root: string;
  /** The layer's own disk. */
  readonly disk: string;
  readonly hostname: string;
  readonly inputs: string;
  /** A directory to mount; '' for none. */
  readonly secrets: string;
  /** Whether the command runs on the host, see `isBeside` of a ChrootScript. */
  readonly isBeside: boolean;
  readonly binds: readonly { readonly source: string; readonly target: string }[];
  readonly argv: readonly string[];
}): readonly string[] {
  return [
    'run_in_chroot',
    script.noNetwork ? 'none' : 'host',
    script.directory,
    script.root,
    script.disk,
    script.hostname,
    script.inputs,
    script.secrets,
    script.isBeside ? 'beside' : 'inside',
    String(script.binds.length),
    ...script.binds.flatMap(({ source, target }) => [source, target]),
    ...script.argv,
  ];
}

/** A file of the root side's machine with its name servers, if that is not this one. */
export const NAME_SERVERS = '/run/resolv.conf';

/** The words that run a script on the host, for `stream` or `join` of the root shell. */
export function hostCommand(script: {
  readonly noNetwork: boolean;
  /** The file with the script's variables, in the run's own directory. */
  readonly variables: string;
  readonly inputs: string;
  /** A device that was lent to it; '' for none. */
  readonly device: string;
  readonly argv: readonly string[];
}): readonly string[] {
  const network = script.noNetwork ? 'none' : 'host';
  return ['run_on_host', network, script.variables, script.inputs, script.device, ...script.argv];
}

/** Whether the kernel has killed processes for lack of memory since a script started. @param directory of its run */
export async function wasWithoutMemory(shell: RootShell, directory: string): Promise<Result<boolean>> {
  const answer = await asked(shell, ['was_without_memory', directory]);
  return answer.ok ? ok(answer.value.yes) : answer;
}

/** The words that kill the script that runs, for `join` of the root shell. */
export function stopCommand(directory: string): readonly string[] {
  return ['stop_script', directory];
}

/** Gives files to root; directories with all that is in them if `recursive`. */
export function giveToRoot(shell: RootShell, files: readonly string[], recursive: boolean) {
  const options = recursive ? ['--recursive', '--no-dereference'] : [];
  return done(shell, ['chown', ...options, '0:0', '--', ...files]);
}

/** Gives a file to vlb's own user. A file that does not exist is not a failure. */
export function giveToUser(shell: RootShell, file: string) {
  const user = `${process.getuid?.()}:${process.getgid?.()}`;
  return done(shell, ['chown', '--no-dereference', user, '--', file], [0, 1]);
}
