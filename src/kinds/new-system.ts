// The kind layer.yaml with `system`: makes a system on an empty disk, and then runs its steps there.

import { existsSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail, failAt, ok, type Result } from '../model/failure.ts';
import { manifestText } from '../model/manifest.ts';
import type { OnOutput } from '../model/ports/machine.ts';
import { type Layer, scriptFile } from '../model/project.ts';
import type { Setting } from '../model/recipe.ts';
import type { Installation } from '../model/system/system.ts';
import { createDelta, leavesDisk, openHostBench, scriptSettings } from './disk.ts';
import { AttachedDisks } from './further.ts';
import type { Closed, Look, OfflineKind, Task } from './kind.ts';
import { explainInstallation } from './missing-package.ts';
import { hostScript, lookScript } from './modify-disk.ts';
import { labelFiles } from './selinux.ts';
import type { Session } from './steps/session.ts';
import { heading, runStepsHere, STEPS, StepPlace, stepSettings } from './steps/steps.ts';
import { chrootScript, lookInSystem } from './system.ts';

export const NEW_SYSTEM: OfflineKind = {
  ...STEPS,
  settings,
  createDisk: createDelta,
  open: openHostBench,
  run,
  look,
};

function settings(layer: Layer): readonly Setting[] {
  return [...scriptSettings(layer), ...installationOf(layer).settings, ...stepSettings(layer)];
}

function installationOf({ name, system }: Pick<Layer, 'name' | 'system'>): Installation {
  if (!system?.installation) throw new Error(`the params of ${name} have no values yet`);
  return system.installation;
}

async function run(task: Task): Promise<Result<Closed>> {
  const { layer, lineage, staged } = task;
  for (const note of layer.system?.notes ?? []) task.note(note);
  const { lock } = installationOf(layer).system;
  if (lock !== undefined && !existsSync(path.join(task.staged.inputs, lock))) {
    task.note(
      `${layer.name} has no ${lock}, so the newest versions are installed: vlb layer lock ${layer.name} writes it`,
    );
  }
  const missing = missingFile(task);
  if (missing) return { ok: false, failure: missing };
  // What follows is loaded late: most builds run nothing.
  const { systemScripts } = await import('../system/script.ts');
  const { InputTree } = await import('./steps/input-tree.ts');
  const { pointKeys } = await import('./steps/points.ts');
  const { Session } = await import('./steps/session.ts');
  const scripts = systemScripts(installationOf(layer), layer.platform.architecture);
  const tree = new InputTree(manifestText(staged.manifest));
  const keys = pointKeys(layer, lineage, tree);
  const place = new StepPlace();
  let open: Session | undefined;
  try {
    const since = Date.now();
    const beginning = { done: 0, point: undefined };
    const ended = await task.script(async (onOutput) => {
      const installed = await install(task, scripts.host, onOutput);
      if (!installed.ok || installed.value !== 0) return installed;
      const opened = await Session.open(task, beginning);
      if (!opened.ok) return opened;
      open = opened.value;
      task.enter('run');
      const finished = await task.bench.runInChroot(open.system, {
        ...chrootScript(task, ['/bin/sh'], onOutput),
        text: scripts.image,
        secrets: [],
      });
      if (!finished.ok || finished.value !== 0) return finished;
      return runStepsHere(task, open, { beginning, keys, tree, since }, place, onOutput);
    });
    const script = place.current
      ? place.explain(ended, task)
      : await explainInstallation(ended, layer, () => packageNames(task, scripts.names));
    if (!script.ok && !leavesDisk(script.failure)) return script;
    if (script.ok && open) {
      const { system } = open;
      const labeled = await labelFiles(task, system, since, (words, onOutput) =>
        task.bench.runInChroot(system, {
          ...chrootScript(task, words, onOutput),
          secrets: [],
          noNetwork: true,
        }),
      );
      if (!labeled.ok) return labeled;
    }
    const closed = open ? await open.close() : ok();
    if (!closed.ok) return script.ok ? closed : script;
    return ok({ script, untouched: open?.untouched ?? [] });
  } finally {
    open?.[Symbol.dispose]();
  }
}

/** Makes the disk and installs the system, and returns the exit status of that. */
async function install(task: Task, text: string, onOutput: OnOutput): Promise<Result<number>> {
  const { bench, draft, layer, directory } = task;
  const { system } = installationOf(layer);
  const file = path.join(directory, 'install');
  try {
    writeFileSync(file, text);
  } catch (error) {
    return failAt(file, 'cannot write the script of the installation', error);
  }
  task.enter('attach');
  const disk = await bench.attach(draft.path, layer.hints.sectorSize);
  if (!disk.ok) return disk;
  const attached = await AttachedDisks.attach(task);
  if (!attached.ok) return attached;
  const further = attached.value;
  task.enter('run');
  await onOutput(heading(`system ${system.distribution} ${system.suite}`));
  const kept = keptBy(task);
  const devices = further.all.map((one) => one.disk.device);
  const argv = ['/bin/sh', '-eu', file, disk.value.device, kept, ...devices] as const;
  const brings = [file, kept].filter(Boolean);
  const secrets = task.secrets.filter(({ name }) => layer.hints.passphrases.includes(name));
  const ended = await bench.runOnHost({ ...hostScript(task, argv, onOutput), brings, secrets });
  if (!ended.ok || ended.value !== 0) return ended;
  const space = task.checkSpace();
  if (!space.ok) return space;
  const without = await further.detach();
  if (!without.ok) return without;
  const detached = await bench.detach(disk.value);
  return detached.ok ? ok(0) : detached;
}

/** The directory for downloads that are kept between builds. */
function keptBy({ layer, caches }: Task): string {
  const { cacheDirs } = installationOf(layer);
  return caches.find(({ target }) => cacheDirs.includes(target))?.source ?? '';
}

/** The names of all packages that there are, after an installation that failed; none if that cannot be found. */
async function packageNames(task: Task, text: string): Promise<readonly string[]> {
  const chunks: Buffer[] = [];
  const kept = keptBy(task);
  const argv = ['/bin/sh', '-eu', '-c', `${text}`, 'names', kept] as const;
  const script = hostScript(task, argv, (chunk) => void chunks.push(chunk));
  const ended = await task.bench.runOnHost({ ...script, brings: [kept].filter(Boolean), secrets: [] });
  return ended.ok && ended.value === 0 ? Buffer.concat(chunks).toString().split('\n').filter(Boolean) : [];
}

/** A file of the layer that the installation needs, and that is not there. */
function missingFile({ layer, staged }: Task): Failure | undefined {
  const { keyring, files, repositories = [] } = installationOf(layer).system;
  const needed: readonly (readonly [field: string, name: string | undefined, type: 'file' | 'directory'])[] =
    [
      ['keyring', keyring, 'file'],
      ['files', files, 'directory'],
      ...repositories.flatMap(
        ({ key, url }, index) =>
          [
            [`repositories.${index}.key`, key, 'file'],
            [`repositories.${index}.url`, url?.startsWith('./') ? url : undefined, 'directory'],
          ] as const,
      ),
    ];
  for (const [field, name, type] of needed) {
    if (name === undefined) continue;
    const stat = statSync(path.join(staged.inputs, name), { throwIfNoEntry: false });
    if (type === 'file' ? stat?.isFile() : stat?.isDirectory()) continue;
    return fail('usage', `system.${field}: the layer has no ${type} ${name}`, {
      where: { file: scriptFile(layer) },
      hint: 'paths are relative to the layer; files that .vlbignore excludes do not exist for it',
    }).failure;
  }
  return undefined;
}

/** Before the installation there is no system, and only the disk to look at. */
async function look(task: Task, options: Look): Promise<Result<number>> {
  if (!options.isBefore) return lookInSystem(task, options);
  const disk = await task.bench.attach(task.draft.path, task.layer.hints.sectorSize);
  return disk.ok ? task.bench.runOnHost(lookScript(task, disk.value, options)) : disk;
}
