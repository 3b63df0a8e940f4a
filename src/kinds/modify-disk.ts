// The kind modify-disk: its script runs on the host, with the disk that vlb created attached.

import path from 'node:path';
import { artifactFile } from '../model/artifact.ts';
import { ok, type Result } from '../model/failure.ts';
import type { Disk, HostScript, Streams } from '../model/ports/machine.ts';
import { createDelta, leavesDisk, openHostBench, scriptSettings } from './disk.ts';
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
  task.enter('run');
  const script = await task.script((onOutput) =>
    bench.runOnHost(hostScript(task, scriptOf(task, disk.value), onOutput)),
  );
  if (!script.ok && !leavesDisk(script.failure)) return script;
  if (script.ok) {
    const trimmed = await trim(task, disk.value);
    if (!trimmed.ok) return trimmed;
  }
  task.enter('detach');
  const detached = await bench.detach(disk.value);
  if (!detached.ok) return script.ok ? detached : script;
  return ok({ script });
}

async function trim({ bench, ...task }: Task, disk: Disk): Promise<Result<void>> {
  task.enter('unmount');
  const flushed = await bench.flush(disk);
  if (!flushed.ok) return flushed;
  // Before the trim, which frees space: what the script's own file systems could not write is lost without an error.
  const space = task.checkSpace();
  return space.ok ? bench.trim(disk) : space;
}

async function look(task: Task, options: Look): Promise<Result<number>> {
  const disk = await task.bench.attach(task.draft.path, task.layer.hints.sectorSize);
  return disk.ok ? task.bench.runOnHost(lookScript(task, disk.value, options)) : disk;
}

/** The shell of a look on the host, with the variables SOURCE, TARGET and DEVICE for the script's arguments. */
export function lookScript(task: Task, disk: Disk, options: Look): HostScript {
  options.onReady();
  const script = hostScript(task, options.argv, options.streams);
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
): HostScript {
  return {
    inputs: staged.inputs,
    argv,
    environment: { ...environment, TMPDIR: path.join(directory, 'tmp') },
    streams,
    secrets,
    noNetwork: layer.hints.noNetwork,
  };
}
