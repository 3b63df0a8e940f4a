// The kind modify-disk: its script runs on the host, with the disk that vlb created attached.

import path from 'node:path';
import { artifactFile } from '../model/artifact.ts';
import { ok, type Result } from '../model/failure.ts';
import type { Disk, HostScript, NamedDisk, Streams } from '../model/ports/machine.ts';
import { createDelta, leavesDisk, openHostBench, scriptSettings } from './disk.ts';
import { AttachedDisks, diskVariables } from './further.ts';
import type { Closed, Look, OfflineKind, ShellTexts, Task } from './kind.ts';

export const HOST_SHELL: ShellTexts = {
  prompt: ' on this host: changes to its disk are discarded',
  // Changes to the rest of the host are real.
  greeting: (disk) =>
    `you are root on this host, with ${disk} as $DEVICE; leave with "exit" or ^D: changes to $DEVICE are discarded`,
  command: './modify-disk "$SOURCE" "$TARGET" "$DEVICE"',
};

export const MODIFY_DISK: OfflineKind = {
  name: 'modify-disk',
  place: 'host',
  ownsDisk: false,
  settings: scriptSettings,
  createDisk: createDelta,
  open: openHostBench,
  run,
  look,
  shell: HOST_SHELL,
};

async function run(task: Task): Promise<Result<Closed>> {
  const { bench, draft } = task;
  task.enter('attach');
  const disk = await bench.attach(draft.path, task.layer.hints.sectorSize);
  if (!disk.ok) return disk;
  const attached = await AttachedDisks.attach(task);
  if (!attached.ok) return attached;
  const further = attached.value;
  const begun = await further.begin();
  if (!begun.ok) return begun;
  task.enter('run');
  const script = await task.script((onOutput) =>
    bench.runOnHost(hostScript(task, scriptOf(task, disk.value), onOutput, further.all)),
  );
  if (!script.ok && !leavesDisk(script.failure)) return script;
  const ended = await further.end();
  if (!ended.ok) return script.ok ? ended : script;
  if (script.ok) {
    const trimmed = await trim(task, disk.value, further);
    if (!trimmed.ok) return trimmed;
  }
  task.enter('detach');
  const without = await further.detach();
  if (!without.ok) return script.ok ? without : script;
  const detached = await bench.detach(disk.value);
  if (!detached.ok) return script.ok ? detached : script;
  return ok({ script, untouched: further.untouched });
}

async function trim({ bench, ...task }: Task, disk: Disk, further: AttachedDisks): Promise<Result<void>> {
  task.enter('unmount');
  const flushed = await bench.flush(disk);
  if (!flushed.ok) return flushed;
  // Before the trim, which frees space: what the script's own file systems could not write is lost without an error.
  const space = task.checkSpace();
  if (!space.ok) return space;
  const trimmed = await bench.trim(disk);
  return trimmed.ok ? further.trim() : trimmed;
}

async function look(task: Task, options: Look): Promise<Result<number>> {
  const disk = await task.bench.attach(task.draft.path, task.layer.hints.sectorSize);
  if (!disk.ok) return disk;
  const further = await AttachedDisks.attach(task);
  if (!further.ok) return further;
  return task.bench.runOnHost(lookScript(task, disk.value, options, further.value.all));
}

/** The shell of a look on the host, with the variables SOURCE, TARGET and DEVICE for the script's arguments. */
export function lookScript(
  task: Task,
  disk: Disk,
  options: Look,
  further: readonly NamedDisk[] = [],
): HostScript {
  options.onReady();
  const script = hostScript(task, options.argv, options.streams, further);
  return {
    ...script,
    environment: {
      ...script.environment,
      ...options.variables,
      ...(options.isBefore ? { SOURCE: sourceOf(task), TARGET: task.draft.path } : {}),
      DEVICE: disk.device,
    },
  };
}

/** The script of a modify-disk with its arguments. */
export function scriptOf(task: Task, disk: Disk): readonly [string, ...string[]] {
  return ['./modify-disk', sourceOf(task), task.draft.path, disk.device];
}

/** The path of the parent; empty without one. */
export function sourceOf({ lineage, artifactDirectory }: Task): string {
  return lineage.parent ? path.join(artifactDirectory, artifactFile(lineage.parent)) : '';
}

/** The environment of a modify-disk, and the command to run in it. */
export function hostScript(
  { layer, staged, secrets, directory, environment }: Task,
  argv: readonly [string, ...string[]],
  streams: Streams,
  further: readonly NamedDisk[] = [],
): HostScript {
  return {
    inputs: staged.inputs,
    argv,
    environment: { ...environment, ...diskVariables(further), TMPDIR: path.join(directory, 'tmp') },
    streams,
    secrets,
    noNetwork: layer.hints.noNetwork,
  };
}
