// The kind boot-layer: its script runs in the image while that is booted in a virtual machine.

import { lstatSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { diskVariable } from '../model/artifact.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import { GUEST_CPUS, GUEST_MEMORY_MIB, type Guest, serialOf } from '../model/ports/guest.ts';
import type { Layer } from '../model/project.ts';
import type { Setting } from '../model/recipe.ts';
import { createDelta, scriptSettings } from './disk.ts';
import type { BootedKind, Closed, TaskOn } from './kind.ts';
import { lookInSystem } from './system.ts';

const MIB = 2 ** 20;

export const BOOT_LAYER: BootedKind = {
  name: 'boot-layer',
  place: 'guest',
  ownsDisk: false,
  settings,
  createDisk: createDelta,
  open: async (host, directory) => ok(await host.openGuest(directory)),
  run,
  look: lookInSystem,
  shell: {
    prompt: ', not booted: changes are discarded',
    greeting: (disk) =>
      `this is ${disk}, in a chroot and not booted; leave with "exit" or ^D: all changes are discarded`,
  },
};

/** How fast the machine is does not matter, and so its accelerator is not in the key; what a script can see of it is. */
function settings(layer: Layer): readonly Setting[] {
  const { memory, cpus, waitFor } = layer.hints;
  return [
    ...scriptSettings(layer),
    { name: 'memory', value: String(memory ?? GUEST_MEMORY_MIB * MIB) },
    { name: 'cpus', value: String(cpus ?? GUEST_CPUS) },
    ...(waitFor === undefined ? [] : [{ name: 'wait-for', value: waitFor }]),
  ];
}

async function run(task: TaskOn<Guest>): Promise<Result<Closed>> {
  const { bench, layer, draft, further, staged, secrets } = task;
  const { hints } = layer;
  const memory = Math.ceil((hints.memory ?? GUEST_MEMORY_MIB * MIB) / MIB);
  placeBinds(task);
  const size = sizeOf(staged.inputs);
  if (size > (memory * MIB) / 2) {
    return fail(
      'usage',
      `the files of layer ${layer.name} take ${Math.ceil(size / MIB)} MiB of the guest's memory, which has ${memory} MiB`,
      {
        where: { file: path.join(layer.directory, layer.kind) },
        hint: `give it more: # vlb: memory ${Math.ceil((4 * size) / MIB)}M`,
      },
    );
  }
  task.enter('run');
  const script = await task.script((onOutput) =>
    bench.run({
      disk: draft.path,
      further,
      sectorSize: hints.sectorSize,
      memory,
      cpus: hints.cpus ?? GUEST_CPUS,
      hasNetwork: !hints.noNetwork,
      waitFor: hints.waitFor,
      inputs: staged.inputs,
      program: layer.kind,
      environment: { ...task.environment, ...variablesOf(further) },
      secrets,
      onOutput,
      onProgress: (line) => void onOutput(Buffer.from(`[guest] ${line}\n`)),
    }),
  );
  // QEMU has closed the disk, as complete as what the guest wrote.
  if (!script.ok && script.failure.kind !== 'work') return script;
  const space = task.checkSpace();
  return space.ok || !script.ok ? ok({ script }) : space;
}

/** udev of a guest has links with the serials of disks, which are their names. */
function variablesOf(further: TaskOn<Guest>['further']): Readonly<Record<string, string>> {
  return Object.fromEntries(
    further.map(({ name }) => [diskVariable(name), `/dev/disk/by-id/virtio-${serialOf(name)}`]),
  );
}

/** What the hints mount below /mnt is copied already: it becomes part of the layer's files. */
function placeBinds({ staged }: Pick<TaskOn<Guest>, 'staged'>): void {
  for (const { source, target } of staged.binds) {
    const place = path.join(staged.inputs, path.posix.relative('/mnt', target));
    mkdirSync(path.dirname(place), { recursive: true });
    renameSync(source, place);
  }
}

/** Of all files below a directory, bytes. */
function sizeOf(directory: string): number {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => lstatSync(path.join(directory, name)).size)
    .reduce((total, size) => total + size, 0);
}
