// Looks at finished disks: implements the port DiskViewer. A disk is attached through a temporary empty delta over it:
// everything that mounting writes goes there (a replayed journal, created mount points), and the image is only read.

import { mkdtempSync } from 'node:fs';
import path from 'node:path';
import type { PackageDatabase } from '../../model/disk-diff.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { MountOptions, NamedDisk } from '../../model/ports/machine.ts';
import type {
  ArchiveContent,
  DiskImage,
  DiskViewer,
  OpenDisk,
  SquashCompression,
} from '../../model/ports/viewer.ts';
import type { AttachedDisk, Backend } from '../attach/backend.ts';
import type { Volume } from '../images/partitions.ts';
import { removeTree } from '../process/remove-tree.ts';
import { isInstalled, runInTerminal, run as runTool } from '../process/run.ts';
import { asRoot } from '../process/sudo.ts';
import { unmountAll } from '../root/agent.ts';
import { forgetBtrfs } from '../root/agent-devices.ts';
import { copyTree, programHead, showAt } from '../root/agent-view.ts';
import type { RootShell } from '../root/root-shell.ts';
import { RunShell } from '../root/run-shell.ts';
import { firstProcessBelow } from '../root/shell-process.ts';
import { mountSystem } from '../system/mount.ts';
import { archiveFiles, squashFiles } from './archive.ts';
import { hashFiles, readAttributes } from './file-details.ts';
import { listFiles } from './file-list.ts';
import { copyOut, readPackages } from './package-files.ts';

/**
 * Opens a viewer. Fails as `host` without root rights or namespaces.
 * @param directory for the viewer's own files; it is removed at the end
 * @param signal ends the running operation, which then fails as `interrupted`
 */
export async function openDiskViewer(
  backend: Backend,
  directory: string,
  signal: AbortSignal,
): Promise<Result<DiskViewer>> {
  const run = await backend.openRun(directory, false);
  if (!run.ok) {
    await removeTree(directory);
    return run;
  }
  return ok(new LinuxDiskViewer(backend, run.value.shell, directory, signal));
}

class LinuxDiskViewer implements DiskViewer {
  readonly readsAttributes = isInstalled('getfattr');
  readonly readsRpm = isInstalled('rpm');
  readonly #backend: Backend;
  readonly #shell: RootShell;
  readonly #directory: string;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#shell.kill();
  #open = 0;

  constructor(backend: Backend, shell: RootShell, directory: string, signal: AbortSignal) {
    this.#backend = backend;
    this.#shell = shell;
    this.#directory = directory;
    this.#signal = signal;
    signal.addEventListener('abort', this.#onAbort);
    if (signal.aborted) this.#onAbort();
  }

  async open(image: DiskImage, options: MountOptions): Promise<Result<OpenDisk>> {
    const attached = await this.#attach(image);
    if (!attached.ok) return attached;
    const { run, disk } = attached.value;
    const disks = [disk];
    const further: NamedDisk[] = [];
    for (const one of image.further ?? []) {
      const other = await this.#attach(one);
      if (!other.ok) return other;
      disks.unshift(other.value.disk);
      further.push({ name: one.name, disk: other.value.disk });
    }
    const viewed = this.#open === 0 ? 'alone' : 'beside';
    const system = await mountSystem(run, disk.device, { ...options, further, viewed });
    if (!system.ok) {
      const { failure } = system;
      if (failure.kind !== 'work') return system;
      return { ok: false, failure: { where: { file: image.file }, ...failure, kind: 'usage' } };
    }
    this.#open++;
    const { root, rootDevice, volumes } = system.value;
    const isInGuest = this.#backend.name === 'vm';
    const onClose = () => void this.#open--;
    return ok(new MountedDisk({ run, disks, root, rootDevice, volumes, isInGuest, onClose }));
  }

  /** Attaches an empty delta over an image. */
  async #attach(image: DiskImage): Promise<Result<{ readonly run: RunShell; readonly disk: AttachedDisk }>> {
    const directory = mkdtempSync(path.join(this.#directory, 'disk-'));
    const run = new RunShell(this.#shell, directory);
    const made = await this.#shell.files.makeDirectory(directory); // on another machine, under the same path
    if (!made.ok) return made;
    const delta = run.file('delta.qcow2');
    const args = ['create', '-q', '-f', 'qcow2', '-b', image.file, '-F', image.format, delta];
    const created = await runTool('qemu-img', args, { signal: this.#signal });
    if (!created.ok) return created;
    const disk = await this.#backend.attach(run, delta);
    return disk.ok ? ok({ run, disk: disk.value }) : disk;
  }

  async showTextDiff(
    copies: readonly [string | undefined, string | undefined],
    [before, after]: readonly [string, string],
  ): Promise<Result<void>> {
    const files = copies.map((file) => file ?? '/dev/null');
    const labels = [before, after].flatMap((label) => ['--label', label]);
    const shown = await runInTerminal('diff', ['-u', ...labels, '--', ...files], { signal: this.#signal });
    if (!shown.ok) return shown;
    return shown.value <= 1 ? ok() : fail('host', `diff failed with exit status ${shown.value}`);
  }

  async shell(a: OpenDisk | undefined, b: OpenDisk): Promise<Result<void>> {
    const place = path.join(this.#directory, 'view');
    for (const [name, disk] of [
      ['a', a],
      ['b', b],
    ] as const) {
      const at = path.join(place, name);
      const made = await this.#shell.files.makeDirectory(at);
      if (!made.ok) return made;
      if (!(disk instanceof MountedDisk)) continue;
      const shown = await showAt(this.#shell, disk.root, at);
      if (!shown.ok) return shown;
    }
    if (this.#backend.name === 'vm') {
      // The tools there are those of the guest.
      const file = path.join(this.#directory, 'request');
      const streams = process.stdin.isTTY ? 'terminal' : 'own';
      const ended = await this.#shell.join(['sh', '-c', 'cd "$1" && exec sh', 'sh', place], file, streams);
      return ended.ok ? ok() : ended;
    }
    const { pid } = this.#shell;
    const inside = pid === undefined ? undefined : firstProcessBelow(pid);
    if (inside === undefined) return fail('host', 'cannot find the root shell in /proc');
    const [command, ...args] = asRoot([
      'nsenter',
      `--target=${inside}`,
      '--mount',
      '--pid',
      ...['sh', '-c', 'cd "$1" && exec "$2"', 'sh', place, process.env['SHELL'] ?? 'sh'],
    ]);
    const ended = await runInTerminal(command, args, { signal: this.#signal });
    return ended.ok ? ok() : ended;
  }

  /** Everything that is still attached or mounted ends with the shell's namespaces. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.removeEventListener('abort', this.#onAbort);
    await this.#shell[Symbol.asyncDispose]();
    await this.#backend.close();
    await removeTree(this.#directory);
  }
}

/** A mounted disk; the run's directory is for this disk only. */
interface View {
  readonly run: RunShell;
  /** The one of the system last. */
  readonly disks: readonly AttachedDisk[];
  readonly root: string;
  readonly rootDevice: string;
  readonly volumes: readonly Volume[];
  readonly isInGuest: boolean;
  readonly onClose: () => void;
}

/** In a partition table of MBR, those with higher numbers are logical. */
const MOST_PRIMARY = 4;

class MountedDisk implements OpenDisk {
  readonly #view: View;

  constructor(view: View) {
    this.#view = view;
  }

  get root(): string {
    return this.#view.root;
  }

  get isBtrfs(): boolean {
    return this.#view.volumes.some((volume) => volume.type === 'btrfs');
  }

  get rootPartition(): number | undefined {
    const volume = this.#view.volumes.find(({ device }) => device === this.#view.rootDevice);
    const isLogical =
      volume?.tags.get('PART_ENTRY_SCHEME') === 'dos' && (volume.partition ?? 0) > MOST_PRIMARY;
    return isLogical ? undefined : volume?.partition || undefined;
  }

  list() {
    return listFiles(this.#view.run, this.root, this.#view.volumes);
  }

  contents(paths: readonly string[]) {
    return hashFiles(this.#view.run, this.root, paths);
  }

  attributes(paths: readonly string[]) {
    return readAttributes(this.#view.run, this.root, paths);
  }

  packages(database: PackageDatabase, files: readonly string[]) {
    return readPackages(this.#view.run, this.root, database, files);
  }

  copy(file: string) {
    return copyOut(this.#view.run, this.root, file, this.#view.run.file('copy'));
  }

  read(file: string, most: number) {
    return programHead(this.#view.run.shell, this.root, file, most);
  }

  async copyTree(target: string) {
    if (this.#view.isInGuest) {
      const why = 'without root, its files cannot belong to their owners';
      return fail('host', `the backend vm cannot export a directory: ${why}`, {
        hint: 'export an archive (without "as: directory"), or use the backend fuse, as root',
      });
    }
    return copyTree(this.#view.run.shell, this.root, target);
  }

  archive(target: string, content: ArchiveContent) {
    return archiveFiles(this.#view.run, this.root, target, content);
  }

  squash(target: string, compression: SquashCompression) {
    return squashFiles(this.#view.run, this.root, target, compression);
  }

  async close(): Promise<Result<void>> {
    const { run, disks, volumes } = this.#view;
    const unmounted = await unmountAll(run.shell, this.root, run.lists);
    if (!unmounted.ok) return unmounted;
    for (const { type, device } of volumes) {
      // Older kernels remember the device, and then refuse an older copy of the same file system on another one.
      if (type !== 'btrfs') continue;
      const forgotten = await forgetBtrfs(run.shell, device);
      if (!forgotten.ok) return forgotten;
    }
    for (const disk of disks) {
      const detached = await disk.detach();
      if (!detached.ok) return detached;
    }
    this.#view.onClose();
    return ok();
  }
}
