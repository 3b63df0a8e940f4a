// The kind build-layer: its script runs in a chroot of the system on its disk, with the mounts of its hints.

import { ok, type Result } from '../model/failure.ts';
import { createDelta, leavesDisk, openBench, scriptSettings } from './disk.ts';
import { AttachedDisks } from './further.ts';
import type { Closed, OfflineKind, Task } from './kind.ts';
import { labelFiles } from './selinux.ts';
import { chrootScript, lookInSystem, mountAll } from './system.ts';

export const BUILD_LAYER: OfflineKind = {
  name: 'build-layer',
  place: 'image',
  ownsDisk: false,
  settings: scriptSettings,
  createDisk: createDelta,
  open: openBench,
  run,
  look: lookInSystem,
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
  const further = await AttachedDisks.attach(task);
  if (!further.ok) return further;
  task.enter('mount');
  const system = await mountAll(task, disk.value, further.value.all);
  if (!system.ok) return system;
  const begun = await further.value.begin(system.value);
  if (!begun.ok) return begun;
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
  const ended = await further.value.end(system.value);
  if (!ended.ok) return script.ok ? ended : script;
  const unmounted = await bench.unmount(system.value);
  if (!unmounted.ok) return script.ok ? unmounted : script;
  task.enter('detach');
  const without = await further.value.detach();
  if (!without.ok) return script.ok ? without : script;
  const detached = await bench.detach(disk.value);
  if (!detached.ok) return script.ok ? detached : script;
  return ok({ script, untouched: further.value.untouched });
}
