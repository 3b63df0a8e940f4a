// The run of a build-layer: its script in a chroot of the system on its disk, with the mounts of its hints.

import path from 'node:path';
import { artifactFile } from '../../model/artifact.ts';
import { ok, type Result } from '../../model/failure.ts';
import type { Bind, ChrootScript, Disk, MountedSystem, Streams } from '../../model/ports/machine.ts';
import { whereOf } from '../../project/inputs/bind-sources.ts';
import { scriptEnvironment } from '../run/environment.ts';
import { type Closed, enter, type Job } from '../run/job.ts';
import { leavesDisk, runScript } from '../run/script.ts';

/** Runs a build-layer on the draft. */
export async function buildLayer(job: Job): Promise<Result<Closed>> {
  const { bench } = job;
  enter('attach', job);
  const disk = await bench.attach(job.draft.path);
  if (!disk.ok) return disk;
  enter('mount', job);
  const system = await mountAll(job, disk.value);
  if (!system.ok) return system;
  enter('run', job);
  const script = await runScript(job, (onOutput) =>
    bench.runInChroot(system.value, chrootScript(job, ['/mnt/build-layer'], onOutput)),
  );
  if (!script.ok && !leavesDisk(script.failure)) return script;
  enter('unmount', job);
  const unmounted = await bench.unmount(system.value);
  if (!unmounted.ok) return script.ok ? unmounted : script;
  enter('detach', job);
  const detached = await bench.detach(disk.value);
  if (!detached.ok) return script.ok ? detached : script;
  return ok({ script });
}

/** The chroot of a build-layer, and the command to run in it. */
export function chrootScript(job: Job, argv: readonly [string, ...string[]], streams: Streams): ChrootScript {
  const { layer, staged, secrets } = job;
  return {
    inputs: staged.inputs,
    binds: bindsOf(job),
    environment: scriptEnvironment(process.env, layer.params),
    secrets,
    noNetwork: layer.hints.noNetwork,
    argv,
    streams,
  };
}

/** Mounts the system on a disk, with the partitions and layers that the hints mount in it. */
export async function mountAll(
  { bench, layer, lineage, context }: Pick<Job, 'bench' | 'layer' | 'lineage' | 'context'>,
  disk: Disk,
): Promise<Result<MountedSystem>> {
  const system = await bench.mount(disk, {
    ...layer.hints,
    whereOf: (target) => whereOf(layer, target),
  });
  if (!system.ok) return system;
  for (const { artifact, target } of lineage.mounts) {
    const image = path.join(context.store.artifactDirectory, artifactFile(artifact));
    const mounted = await bench.mountLayer(system.value, image, target);
    if (mounted.ok) continue;
    const { failure } = mounted;
    return {
      ok: false,
      failure: failure.kind === 'work' ? { where: whereOf(layer, target), ...failure } : failure,
    };
  }
  return ok(system.value);
}

/** Parents before their subdirectories. */
function bindsOf({ layer, staged, caches }: Job): readonly Bind[] {
  const copies = staged.binds.map((bind) => ({ ...bind, isCopy: true }));
  const persistent = caches.map((cache) => ({ ...cache, type: 'directory' as const, isCopy: false }));
  return [...copies, ...persistent]
    .map((bind) => ({ ...bind, where: whereOf(layer, bind.target) }))
    .toSorted((a, b) => a.target.length - b.target.length);
}
