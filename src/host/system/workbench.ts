// One run of a layer on this machine: a root shell, the backend, the mounted system. Implements the port Workbench.

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import type {
  ChrootScript,
  Disk,
  HostScript,
  LabeledBy,
  MountedSystem,
  MountOptions,
  RunOwner,
  Workbench,
} from '../../model/ports/machine.ts';
import type { AttachedDisk, Backend, Brought, Carrier } from '../attach/backend.ts';
import { checkArchitecture } from '../images/architecture.ts';
import { removeTree } from '../process/remove-tree.ts';
import { selinuxOf, stopCommand } from '../root/agent.ts';
import { flush, writtenTo } from '../root/agent-devices.ts';
import { programHead } from '../root/agent-view.ts';
import { RunShell } from '../root/run-shell.ts';
import { runInChroot, runOnHost } from './chroot.ts';
import { growDisk } from './grow.ts';
import { mountLayerSystem, mountSystem, trimVolumes, unmountSystem } from './mount.ts';

/**
 * Opens a workbench. Fails as `host` without root rights or namespaces.
 * @param directory an empty directory for the run's own files
 */
export async function openWorkbench(
  backend: Backend,
  directory: string,
  owner: RunOwner | undefined,
): Promise<Result<Workbench>> {
  const run = await backend.openRun(directory, true, owner);
  return run.ok ? ok(new LinuxWorkbench(backend, run.value, directory)) : run;
}

/** How long it may take to stop a script: an emulated processor on a busy machine takes two seconds. */
const STOP_MILLISECONDS = 30_000;

class LinuxWorkbench implements Workbench {
  readonly #backend: Backend;
  readonly #run: RunShell;
  /** The run's own directory on this machine. */
  readonly #directory: string;
  readonly #carrier: Carrier | undefined;
  readonly #attached = new Map<Disk, AttachedDisk>();
  /** The disks of other layers, attached for as long as the one that mounts them. */
  readonly #layers: AttachedDisk[] = [];
  /** Every disk that was attached, still or not. */
  readonly #disks: AttachedDisk[] = [];
  #places = 0;

  constructor(backend: Backend, run: RunShell, directory: string) {
    this.#backend = backend;
    this.#run = run;
    this.#directory = directory;
    this.#carrier = backend.carrier?.(run, directory);
  }

  async attach(image: string, sectorSize?: number, continues?: boolean): Promise<Result<Disk>> {
    const own = await this.#place('disk');
    if (!own.ok) return own;
    const disk = await this.#backend.attach(own.value, image, 'read-write', sectorSize, continues);
    if (!disk.ok) return disk;
    this.#attached.set(disk.value, disk.value);
    this.#disks.push(disk.value);
    return disk;
  }

  /** The run's directory for its first attachment, and one in it for each further one. */
  async #place(name: string): Promise<Result<RunShell>> {
    const { shell, directory } = this.#run;
    if (this.#places++ === 0) return ok(this.#run);
    const own = new RunShell(shell, path.join(directory, `${name}-${this.#places}`));
    const made = await shell.files.makeDirectory(own.directory);
    return made.ok ? ok(own) : made;
  }

  async continueIn(disk: Disk, system: MountedSystem, file: string): Promise<Result<boolean>> {
    const continueIn = this.#attached.get(disk)?.continueIn;
    if (!continueIn) return ok(false);
    const continued = await continueIn(system.root, file);
    return continued.ok ? ok(true) : continued;
  }

  async madePoints(): Promise<Result<string>> {
    const { shell, lists } = this.#run;
    if (!(await shell.files.exists(lists.made))) return ok('');
    const made = await shell.files.read(lists.made);
    return made.ok ? ok(made.value.toString('latin1')) : made;
  }

  adoptPoints(made: string): Promise<Result<void>> {
    return this.#run.shell.files.write(this.#run.lists.made, Buffer.from(made, 'latin1'));
  }

  async lendDevice(): Promise<Result<Disk>> {
    const { lend } = this.#backend;
    if (!lend) throw new Error(`the backend ${this.#backend.name} was asked for a device to lend`);
    const device = await lend(this.#run);
    if (device.ok) this.#attached.set(device.value, device.value);
    return device;
  }

  async detach(disk: Disk): Promise<Result<void>> {
    const attached = this.#attached.get(disk);
    if (!attached) return fail('host', `${disk.device} is not attached`);
    this.#attached.delete(disk);
    for (const layer of this.#layers.splice(0)) {
      const detached = await layer.detach();
      if (!detached.ok) return detached;
    }
    const taken = await this.#carrier?.takeBack();
    if (taken && !taken.ok) return taken;
    return attached.detach();
  }

  written(disk: Disk, system?: MountedSystem): Promise<Result<number>> {
    return writtenTo(this.#run.shell, disk.device, system?.root);
  }

  mount(disk: Disk, options: MountOptions): Promise<Result<MountedSystem>> {
    return mountSystem(this.#run, disk.device, options);
  }

  async mountLayer(system: MountedSystem, image: string, target: string): Promise<Result<void>> {
    const own = await this.#place('layer');
    if (!own.ok) return own;
    const disk = await this.#backend.attach(own.value, image, 'read-only');
    if (!disk.ok) return disk;
    this.#layers.push(disk.value);
    this.#disks.push(disk.value);
    return mountLayerSystem(this.#run, disk.value.device, system, target);
  }

  read(system: MountedSystem, file: string, length: number): Promise<Result<Buffer>> {
    return programHead(this.#run.shell, system.root, file, length);
  }

  selinuxOf(system: MountedSystem): Promise<Result<LabeledBy | undefined>> {
    return selinuxOf(this.#run.shell, system.root);
  }

  flush(disk: Disk): Promise<Result<void>> {
    return flush(this.#run.shell, disk.device);
  }

  trim(disk: Disk): Promise<Result<void>> {
    return trimVolumes(this.#run, disk.device);
  }

  grow(disk: Disk, partition: number | undefined): Promise<Result<void>> {
    return growDisk(this.#run, disk.device, partition);
  }

  unmount(system: MountedSystem, isSmallest = false): Promise<Result<void>> {
    return unmountSystem(this.#run, system, isSmallest);
  }

  async runInChroot(system: MountedSystem, script: ChrootScript): Promise<Result<number>> {
    const brought = await this.#bring(script);
    if (!brought.ok) return brought;
    const ended = await runInChroot(this.#run, system, brought.value);
    if (!ended.ok || ![126, 127].includes(ended.value)) return ended; // as where it cannot be executed
    const file = path.join(script.inputs, path.basename(script.argv[0]));
    const executable = await checkArchitecture(this.#run.shell, system.root, file);
    return executable.ok ? ended : executable;
  }

  async runOnHost(script: HostScript): Promise<Result<number>> {
    const brought = await this.#bring(script);
    return brought.ok ? runOnHost(this.#run, brought.value) : brought;
  }

  async #bring<Script extends Brought>(script: Script): Promise<Result<Script>> {
    return this.#carrier ? this.#carrier.bring(script) : ok(script);
  }

  async explain(failure: Failure): Promise<Failure> {
    for (const disk of this.#disks) {
      const lost = await disk.lost?.();
      if (lost === undefined) continue;
      return {
        kind: 'host',
        message: `${lost} ended while ${disk.device} was in use, and the disk was lost with it`,
        hint: 'it was killed, possibly by the out-of-memory killer (check dmesg); run vlb again',
        detail: [failure.message, ...(failure.detail ?? [])],
        ...(failure.log === undefined ? {} : { log: failure.log }),
      };
    }
    return failure;
  }

  async stopScript(): Promise<void> {
    // In a process of its own, since the shell is waiting for the script.
    const { shell, directory } = this.#run;
    const stopping = shell.join(stopCommand(directory), this.#run.file('stop'), 'none');
    // A machine that a script has taken over may not answer.
    const stopped = await Promise.race([stopping, sleep(STOP_MILLISECONDS, undefined, { ref: false })]);
    if (stopped?.ok && stopped.value === 0) return;
    // A full disk, for example, has no room for the request.
    this.kill();
  }

  kill(): void {
    this.#run.shell.kill();
  }

  /** Everything that is still attached or mounted ends with the shell's namespaces. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run.shell[Symbol.asyncDispose]();
    await removeTree(this.#directory);
  }
}
