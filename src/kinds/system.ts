// What kinds have in common that work in the mounted system of an image: its mounts, and the chroot of a script or a shell.

import path from 'node:path';
import { artifactFile } from '../model/artifact.ts';
import { ok, type Result } from '../model/failure.ts';
import type { Bind, ChrootScript, Disk, MountedSystem, NamedDisk, Streams } from '../model/ports/machine.ts';
import { locateTarget } from '../project/inputs/bind-sources.ts';
import { AttachedDisks } from './further.ts';
import type { Look, Task } from './kind.ts';

/** Runs a shell in the chroot that a layer's script has. */
export async function lookInSystem(
  task: Task,
  { argv, streams, variables, onReady }: Look,
): Promise<Result<number>> {
  const { bench, draft } = task;
  const disk = await bench.attach(draft.path, task.layer.hints.sectorSize);
  if (!disk.ok) return disk;
  const further = await AttachedDisks.attach(task);
  if (!further.ok) return further;
  const system = await mountAll(task, disk.value, further.value.all);
  if (!system.ok) return system;
  onReady();
  const script = chrootScript(task, argv, streams);
  return bench.runInChroot(system.value, {
    ...script,
    environment: { ...script.environment, ...variables },
  });
}

/** The chroot in which a layer works on its system, and the command to run in it. */
export function chrootScript(
  task: Task,
  argv: readonly [string, ...string[]],
  streams: Streams,
): ChrootScript {
  const { layer, staged, secrets, environment } = task;
  const { hostname: name, noNetwork } = layer.hints;
  return {
    inputs: staged.inputs,
    binds: bindsOf(task),
    environment,
    secrets,
    ...(name === undefined ? {} : { hostname: { name, where: locateTarget(layer, '/etc/hosts') } }),
    noNetwork,
    argv,
    streams,
  };
}

/** Mounts the system on a disk, with the partitions and layers that the hints mount in it. */
export async function mountAll(
  { bench, layer, lineage, artifactDirectory, secrets, note }: Task,
  disk: Disk,
  further: readonly NamedDisk[] = [],
): Promise<Result<MountedSystem>> {
  const system = await bench.mount(disk, {
    ...layer.hints,
    further,
    passphrases: secrets
      .filter(({ name }) => layer.hints.passphrases.includes(name))
      .map(({ content }) => content),
    fstab: layer.hints.fstab === 'ignore' ? 'ignored' : 'required',
    onNote: note,
    whereOf: (target) => locateTarget(layer, target),
  });
  if (!system.ok) return system;
  for (const { artifact, target } of lineage.mounts) {
    const image = path.join(artifactDirectory, artifactFile(artifact));
    const mounted = await bench.mountLayer(system.value, image, target);
    if (mounted.ok) continue;
    const { failure } = mounted;
    return {
      ok: false,
      failure: failure.kind === 'work' ? { where: locateTarget(layer, target), ...failure } : failure,
    };
  }
  return ok(system.value);
}

/** Parents before their subdirectories. */
function bindsOf({ layer, staged, caches }: Task): readonly Bind[] {
  const copies = staged.binds.map((bind) => ({ ...bind, isCopy: true }));
  const persistent = caches.map((cache) => ({ ...cache, type: 'directory' as const, isCopy: false }));
  return [...copies, ...persistent]
    .map((bind) => ({ ...bind, where: locateTarget(layer, bind.target) }))
    .toSorted((a, b) => a.target.length - b.target.length);
}
