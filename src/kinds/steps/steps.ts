// The kind layer.yaml: its steps run one after the other in a chroot of the system on its disk, each as a script of its own.

import { distributionOf } from '../../distro/distribution.ts';
import { type Failure, ok, type Result } from '../../model/failure.ts';
import { manifestText } from '../../model/manifest.ts';
import type { OnOutput } from '../../model/ports/machine.ts';
import type { Layer, LayerStep } from '../../model/project.ts';
import type { Setting } from '../../model/recipe.ts';
import { createDelta, leavesDisk, openBench, scriptSettings } from '../disk.ts';
import type { Closed, OfflineKind, Task } from '../kind.ts';
import { labelFiles } from '../selinux.ts';
import { chrootScript, lookInSystem } from '../system.ts';
import type { Compilation } from './compile.ts';
import type { Beginning, PointKeys } from './points.ts';
import { readRelease } from './release.ts';
import type { Session } from './session.ts';

export const STEPS: OfflineKind = {
  name: 'layer.yaml',
  place: 'image',
  ownsDisk: false,
  settings,
  createDisk: createDelta,
  open: openBench,
  run,
  look: (task, look) =>
    lookInSystem(task, { ...look, variables: { ...task.layer.params, ...look.variables } }),
  shell: {
    prompt: ': changes are discarded',
    greeting: (disk) => `this is ${disk}; leave with "exit" or ^D: changes to it are discarded`,
  },
};

function settings(layer: Layer): readonly Setting[] {
  return [...scriptSettings(layer), ...stepSettings(layer)];
}

/** A line of the recipe for each step. */
export function stepSettings({ steps }: Pick<Layer, 'steps'>): readonly Setting[] {
  return (steps?.all ?? []).map(({ text, version }) => ({ name: 'step', of: text, value: String(version) }));
}

async function run(task: Task): Promise<Result<Closed>> {
  const { bench, layer, lineage, points, staged } = task;
  // What follows is loaded late: most builds run nothing.
  const { InputTree } = await import('./input-tree.ts');
  const { findBeginning, pointKeys } = await import('./points.ts');
  const { Session } = await import('./session.ts');
  const tree = new InputTree(manifestText(staged.manifest));
  const keys = pointKeys(layer, lineage, tree);
  let beginning: Beginning = { done: 0, point: undefined };
  if (points?.areUsed) {
    const found = findBeginning(layer, keys, points.all);
    if (found.point && (await points.all.lease(found.point.id, points.signal))) beginning = found;
  }
  const opened = await Session.open(task, beginning);
  if (!opened.ok) return opened;
  using session = opened.value;
  task.enter('run');
  const since = beginning.point?.since ?? Date.now();
  const script = await runSteps(task, session, { beginning, keys, tree, since });
  if (!script.ok && !leavesDisk(script.failure)) return script;
  if (script.ok) {
    const labeled = await labelFiles(task, session.system, since, (argv, onOutput) =>
      bench.runInChroot(session.system, {
        ...chrootScript(task, argv, onOutput),
        secrets: [],
        noNetwork: true,
      }),
    );
    if (!labeled.ok) return labeled;
  }
  const closed = await session.close();
  if (!closed.ok) return script.ok ? closed : script;
  return ok({ script, untouched: session.untouched });
}

export interface Course extends Pick<Compilation, 'tree'> {
  readonly beginning: Beginning;
  readonly keys: PointKeys;
  /** When the first step of the layer began, milliseconds since 1970. */
  readonly since: number;
}

/** Runs the steps that are not done; the failure of one has its place. */
async function runSteps(task: Task, session: Session, course: Course): Promise<Result<void>> {
  const place = new StepPlace();
  const script = await task.script((onOutput) => runStepsHere(task, session, course, place, onOutput));
  return place.explain(script, task);
}

/** At which step a run is. */
export class StepPlace {
  current: { readonly step: LayerStep; readonly index: number } | undefined;

  /** The result of the script, with the place of the step that failed. */
  explain(script: Result<void>, task: Task): Result<void> {
    const { current } = this;
    return script.ok || !current ? script : failed(script, current.step, current.index, task);
  }
}

/** Runs the steps within a script, and returns the exit status of the one that failed, or 0. */
export async function runStepsHere(
  task: Task,
  session: Session,
  { beginning, keys, tree, since }: Course,
  place: StepPlace,
  onOutput: OnOutput,
): Promise<Result<number>> {
  const { compileStep } = await import('./compile.ts');
  const { layer, staged, bench, points } = task;
  const steps = layer.steps?.all ?? [];
  if (beginning.done > 0) {
    const title = steps[beginning.done - 1]?.title ?? '';
    await onOutput(heading(`begins at the cache point after ${beginning.done}/${steps.length} ${title}`));
  }
  let release = await readRelease(task, session.system);
  if (!release.ok) return release;
  if (points && session.tip === undefined) points.all.noteRelease(keys.parent, release.value);
  for (const [index, step] of steps.entries()) {
    if (index < beginning.done) continue;
    place.current = { step, index };
    const distribution = distributionOf(release.value);
    const compiled = compileStep(step, { layer, distribution, tree, inputs: staged.inputs });
    if (!compiled.ok) return compiled;
    const number = `${index + 1}/${steps.length} ${step.title}`;
    if (compiled.value === undefined) {
      await onOutput(heading(`${number} (skipped: not for this system)`));
      continue;
    }
    task.step({ index: index + 1, count: steps.length, title: step.title });
    await onOutput(heading(number));
    session.prepare();
    const started = stepScript(task, step, compiled.value, onOutput);
    const ended = await bench.runInChroot(session.system, started);
    if (!ended.ok || ended.value !== 0) return ended;
    release = await readRelease(task, session.system);
    if (!release.ok) return release;
    const key = keys.of(step, session.tip);
    const about = { key, since, layer: layer.name, title: number, release: release.value };
    const kept = await session.keep(about);
    if (!kept.ok) return kept;
  }
  return ok(0);
}

/** Begins the line in the log that names a step. */
const HEADING = '==> ';

/** The line in the log before what this is the title of. */
export function heading(text: string): Buffer {
  return Buffer.from(`${HEADING}${text}\n`);
}

function stepScript(task: Task, step: LayerStep, text: string, onOutput: OnOutput) {
  const { secrets } = step;
  return {
    ...chrootScript(task, ['/bin/sh'], onOutput),
    text,
    ...(step.hostTool === undefined ? {} : { isBeside: true }),
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
