// The kind layer.yaml: its steps run one after the other in a chroot of the system on its disk, each as a script of its own.

import { type Distribution, distributionOf } from '../../distro/distribution.ts';
import { type Failure, ok, type Result } from '../../model/failure.ts';
import { manifestText } from '../../model/manifest.ts';
import type { MountedSystem, OnOutput } from '../../model/ports/machine.ts';
import type { Layer, LayerStep } from '../../model/project.ts';
import type { Setting } from '../../model/recipe.ts';
import { createDelta, leavesDisk, scriptSettings } from '../disk.ts';
import type { Closed, Kind, Task } from '../kind.ts';
import { labelFiles } from '../selinux.ts';
import { chrootScript, lookInSystem, mountAll } from '../system.ts';

export const STEPS: Kind = {
  name: 'layer.yaml',
  place: 'image',
  ownsDisk: false,
  settings,
  createDisk: createDelta,
  run,
  look: (task, look) =>
    lookInSystem(task, { ...look, variables: { ...task.layer.params, ...look.variables } }),
  shell: {
    prompt: ': changes are discarded',
    greeting: (disk) => `this is ${disk}; leave with "exit" or ^D: changes to it are discarded`,
  },
};

function settings(layer: Layer): readonly Setting[] {
  return [...scriptSettings(layer), ...(layer.steps?.all ?? []).map(stepSetting)];
}

/** The line of a step in a recipe. */
export function stepSetting({ text, version }: Pick<LayerStep, 'text' | 'version'>): Setting {
  return { name: 'step', of: text, value: String(version) };
}

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
  const script = await runSteps(task, system.value);
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

/** Runs all steps; the failure of one has its place. */
async function runSteps(task: Task, system: MountedSystem): Promise<Result<void>> {
  const read = await readDistribution(task, system);
  if (!read.ok) return read;
  // Verbs and templates take a while to load.
  const { compileStep } = await import('./compile.ts');
  const { InputTree } = await import('./input-tree.ts');
  const { layer, staged } = task;
  const steps = layer.steps?.all ?? [];
  const compilation = {
    layer,
    distribution: read.value,
    tree: new InputTree(manifestText(staged.manifest)),
    inputs: staged.inputs,
  };
  let current: { readonly step: LayerStep; readonly index: number } | undefined;
  const script = await task.script(async (onOutput) => {
    for (const [index, step] of steps.entries()) {
      current = { step, index };
      const compiled = compileStep(step, compilation);
      if (!compiled.ok) return compiled;
      const isSkipped = compiled.value === undefined;
      await begin(task, index, isSkipped, onOutput);
      if (compiled.value === undefined) continue;
      const ended = await task.bench.runInChroot(system, stepScript(task, step, compiled.value, onOutput));
      if (!ended.ok || ended.value !== 0) return ended;
    }
    return ok(0);
  });
  return script.ok || !current ? script : failed(script, current.step, current.index, task);
}

/** Begins the line in the log that names a step. */
const HEADING = '==> ';

/** Emits that a step begins, with a heading in the log. */
async function begin(task: Task, index: number, isSkipped: boolean, onOutput: OnOutput): Promise<void> {
  const steps = task.layer.steps?.all ?? [];
  const title = steps[index]?.title ?? '';
  if (!isSkipped) task.step({ index: index + 1, count: steps.length, title });
  const note = isSkipped ? ' (skipped: not for this system)' : '';
  await onOutput(Buffer.from(`${HEADING}${index + 1}/${steps.length} ${title}${note}\n`));
}

function stepScript(task: Task, step: LayerStep, text: string, onOutput: OnOutput) {
  const { secrets } = step;
  return {
    ...chrootScript(task, ['/bin/sh'], onOutput),
    text,
    environment: { ...task.environment, ...step.params },
    secrets: secrets === 'all' ? task.secrets : task.secrets.filter(({ name }) => secrets.includes(name)),
  };
}

/** The failure of a step, with its number and title in place of those of a script. */
function failed(
  { failure }: { readonly failure: Failure },
  step: LayerStep,
  index: number,
  { layer }: Task,
): Result<never> {
  if (failure.kind !== 'work') return { ok: false, failure };
  const count = layer.steps?.all.length ?? 0;
  const name = `step ${index + 1}/${count} (${step.title})`;
  const how = failure.message.replace(/^layer \S+: layer\.yaml /, '');
  const { detail = [] } = failure;
  // What earlier steps printed is in the log.
  const own = detail.findLastIndex((line) => line.startsWith(`${HEADING}${index + 1}/${count} `));
  return {
    ok: false,
    failure: {
      ...failure,
      message: `layer ${layer.name}: ${name} ${how}`,
      where: step.where,
      detail: detail.slice(own + 1),
    },
  };
}

/** More bytes than that are something else. */
const MOST_BYTES = 64 * 1024;

/** What the image's os-release says; one without the file says nothing. */
async function readDistribution({ bench }: Task, system: MountedSystem): Promise<Result<Distribution>> {
  for (const file of ['/etc/os-release', '/usr/lib/os-release']) {
    const read = await bench.read(system, file, MOST_BYTES);
    if (!read.ok) return read;
    if (read.value.length > 0) return ok(distributionOf(read.value.toString()));
  }
  return ok(distributionOf(''));
}
