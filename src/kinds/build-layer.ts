// The kind build-layer: its script runs in a chroot of the system on its disk, with the mounts of its hints.

import path from 'node:path';
import { artifactFile } from '../model/artifact.ts';
import { ok, type Result } from '../model/failure.ts';
import type { Bind, ChrootScript, Disk, MountedSystem, Streams } from '../model/ports/machine.ts';
import { locateTarget } from '../project/inputs/bind-sources.ts';
import { createDelta, leavesDisk, scriptSettings } from './disk.ts';
import type { Closed, Kind, Look, Task } from './kind.ts';
import { labelFiles } from './selinux.ts';

export const BUILD_LAYER: Kind = {
  name: 'build-layer',
  place: 'image',
  ownsDisk: false,
  settings: scriptSettings,
  createDisk: createDelta,
  run,
  look,
  shell: {
    prompt: ': changes are discarded',
    greeting: (disk) => `this is ${disk}; leave with "exit" or ^D: all changes are discarded`,
    command: './build-layer',
  },
};

async function run(task: Task): Promise<Result<Closed>> {
  const { bench } = task;
  task.enter('attach');
  const disk = await bench.attach(task.draft.path, task.layer.hints.sectorSize);
  if (!disk.ok) return disk;
  task.enter('mount');
  const system = await mountAll(task, disk.value);
  if (!system.ok) return system;
  task.enter('run');
  const startedAt = Date.now();
  const script = await task.script((onOutput) =>
    bench.runInChroot(system.value, chrootScript(task, ['/mnt/build-layer'], onOutput)),
  );
  if (!script.ok && !leavesDisk(script.failure)) return script;
  if (script.ok) {
    const labeled = await labelFiles(task, system.value, startedAt, (argv, onOutput) =>
      bench.runInChroot(system.value, {
        ...chrootScript(task, argv, onOutput),
        secrets: [],
        noNetwork: true,
      }),
    );
    if (!labeled.ok) return labeled;
  }
  task.enter('unmount');
  const unmounted = await bench.unmount(system.value);
  if (!unmounted.ok) return script.ok ? unmounted : script;
  task.enter('detach');
  const detached = await bench.detach(disk.value);
  if (!detached.ok) return script.ok ? detached : script;
  return ok({ script });
}

async function look(task: Task, { argv, streams, variables, onReady }: Look): Promise<Result<number>> {
  const { bench, draft } = task;
  const disk = await bench.attach(draft.path, task.layer.hints.sectorSize);
  if (!disk.ok) return disk;
  const system = await mountAll(task, disk.value);
  if (!system.ok) return system;
  onReady();
  const script = chrootScript(task, argv, streams);
  return bench.runInChroot(system.value, {
    ...script,
    environment: { ...script.environment, ...variables },
  });
}

/** The chroot of a build-layer, and the command to run in it. */
function chrootScript(task: Task, argv: readonly [string, ...string[]], streams: Streams): ChrootScript {
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
async function mountAll(
  { bench, layer, lineage, artifactDirectory, note }: Task,
  disk: Disk,
): Promise<Result<MountedSystem>> {
  const system = await bench.mount(disk, {
    ...layer.hints,
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
