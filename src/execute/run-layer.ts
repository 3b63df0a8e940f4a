// Runs one layer: create → stage → attach → mount → run → unmount → detach → commit. Before the commit nothing but a
// draft and the run's own directory changed, and both go away whatever happens.

import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { type Artifact, artifactFile, type BuildRecord, type Keeping } from '../model/artifact.ts';
import type { Stage } from '../model/event.ts';
import { type Failure, fail, ok, type Result } from '../model/failure.ts';
import type { Disk, MountedSystem, Workbench } from '../model/host.ts';
import type { Layer } from '../model/layer.ts';
import type { Draft } from '../model/store.ts';
import { keyOf, layerRecipe } from '../plan/key.ts';
import type { Context } from './context.ts';
import { scriptEnvironment } from './environment.ts';
import { LineSplitter } from './lines.ts';
import { explainFullDisk } from './space.ts';
import { type Staged, stageInputs } from './stage.ts';

/** How many of a failed script's last lines are shown. */
const TAIL_LINES = 20;

export interface LayerRun {
  readonly layer: Layer;
  readonly parent: Artifact | undefined;
  readonly keeping: Keeping;
}

let runs = 0;

/**
 * Runs a layer's script on a delta over its parent and commits the result.
 * Fails as `work` when the script failed, `host` when the machine did, `interrupted` on the context's signal.
 */
export async function runLayer(run: LayerRun, context: Context): Promise<Result<BuildRecord>> {
  const startedAt = performance.now();
  const directory = path.join(context.paths.runs, `${context.owner}-${runs++}`);
  const opening = openRun(directory, context);
  const drafted = await context.store.draft();
  const opened = await opening;
  if (!opened.ok) return opened;
  await using bench = opened.value;
  if (!drafted.ok) return drafted;
  await using draft = drafted.value;
  const onAbort = () => bench.kill();
  context.signal.addEventListener('abort', onAbort);
  try {
    const result = context.signal.aborted
      ? fail('interrupted', 'interrupted')
      : await runSteps({ ...run, context, bench, draft, directory }, startedAt);
    if (context.signal.aborted) return fail('interrupted', `layer ${run.layer.name} was interrupted`);
    // While the draft is still there: it is what filled the disk.
    return result.ok ? result : { ok: false, failure: explainFullDisk(result.failure, context) };
  } finally {
    context.signal.removeEventListener('abort', onAbort);
  }
}

/** Makes the run's directory and opens its workbench, which takes the directory away again at its end. */
async function openRun(directory: string, { host }: Context): Promise<Result<Workbench>> {
  mkdirSync(path.join(directory, 'inputs'), { recursive: true });
  mkdirSync(path.join(directory, 'tmp'), { mode: 0o700 });
  const bench = await host.openWorkbench(directory);
  if (!bench.ok) rmSync(directory, { recursive: true, force: true });
  return bench;
}

interface Run extends LayerRun {
  readonly context: Context;
  readonly bench: Workbench;
  readonly draft: Draft;
  readonly directory: string;
}

interface Job extends Run {
  readonly staged: Staged;
}

function enter(stage: Stage, { context, layer }: Run): void {
  context.emit({ type: 'layer-stage', layer: layer.name, stage });
}

async function runSteps(run: Run, startedAt: number): Promise<Result<BuildRecord>> {
  const { layer, parent, context, draft, directory } = run;
  enter('create', run);
  const creating = createDelta(run, draft.path, context);
  // Making the delta is another process's work; the inputs are copied meanwhile.
  enter('stage', run);
  const staged = stageInputs(layer, path.join(directory, 'inputs'), context.hasher);
  const created = await creating;
  if (!created.ok) return created;
  if (!staged.ok) return staged;

  const job: Job = { ...run, staged: staged.value };
  const done = layer.kind === 'build-layer' ? await buildLayer(job) : await modifyDisk(job);
  if (!done.ok) return done;

  enter('commit', run);
  const recipe = layerRecipe(layer, staged.value.manifest, parent);
  return draft.commit({
    key: keyOf(recipe),
    layer: layer.name,
    parent: parent ? { digest: parent.digest, keeping: parent.keeping } : null,
    recipe,
    keeping: run.keeping,
    startedAt,
    log: logFile(layer, context),
  });
}

/** Where the output of a layer's last run is. */
export function logFile(layer: Pick<Layer, 'name'>, context: Pick<Context, 'paths'>): string {
  return path.join(context.paths.state, 'logs', `${layer.name}.log`);
}

/** Whether the script makes its disk itself with qemu-img and qemu-nbd, as older projects do. */
export function makesItsOwnDisk(layer: Layer): boolean {
  return layer.kind === 'modify-disk' && layer.hints.diskSize === undefined;
}

async function createDelta(
  { layer, parent }: LayerRun,
  file: string,
  { host, store }: Context,
): Promise<Result<void>> {
  if (makesItsOwnDisk(layer)) {
    writeFileSync(file, ''); // so that it belongs to the user, whoever writes it
    return ok();
  }
  const size = layer.hints.diskSize;
  if (parent && size !== undefined) {
    const below = await host.images.info(path.join(store.artifactDirectory, artifactFile(parent)));
    if (!below.ok) return below;
    if (below.value.virtualSize > size) {
      return fail(
        'usage',
        `the disk-size of layer ${layer.name} is less than its parent's, ${below.value.virtualSize} bytes`,
        {
          where: { file: path.join(layer.directory, layer.kind) },
          hint: 'a disk can only grow',
        },
      );
    }
  }
  return host.images.create(file, {
    ...(parent ? { backing: `./${artifactFile(parent)}` } : {}),
    ...(size === undefined ? {} : { size }),
  });
}

async function buildLayer(job: Job): Promise<Result<void>> {
  const { bench, layer, staged } = job;
  enter('attach', job);
  const disk = await bench.attach(job.draft.path);
  if (!disk.ok) return disk;
  enter('mount', job);
  const system = await bench.mount(disk.value, layer.hints);
  if (!system.ok) return system;
  enter('run', job);
  const ran = await runScript(job, (onOutput) =>
    bench.runInChroot(system.value, {
      inputs: staged.inputs,
      binds: staged.binds,
      environment: scriptEnvironment(process.env),
      command: '/mnt/build-layer',
      onOutput,
    }),
  );
  if (!ran.ok) return ran;
  return release(job, disk.value, system.value);
}

async function release(job: Job, disk: Disk, system?: MountedSystem): Promise<Result<void>> {
  if (system) {
    enter('unmount', job);
    const unmounted = await job.bench.unmount(system);
    if (!unmounted.ok) return unmounted;
  }
  enter('detach', job);
  return job.bench.detach(disk);
}

async function modifyDisk(job: Job): Promise<Result<void>> {
  const { bench, layer, parent, draft, staged, directory, context } = job;
  const source = parent ? path.join(context.store.artifactDirectory, artifactFile(parent)) : '';
  const attaches = makesItsOwnDisk(layer);
  let disk: Disk | undefined;
  if (!attaches) {
    enter('attach', job);
    const attached = await bench.attach(draft.path);
    if (!attached.ok) return attached;
    disk = attached.value;
  }
  const device = disk?.device ?? context.host.scriptDevice;
  if (device === undefined) return needsDevice(layer);
  enter('run', job);
  const ran = await runScript(job, (onOutput) =>
    bench.runOnHost({
      inputs: staged.inputs,
      argv: ['./modify-disk', source, draft.path, device],
      environment: { ...scriptEnvironment(process.env), TMPDIR: path.join(directory, 'tmp') },
      onOutput,
      ...(attaches ? { device } : {}),
    }),
  );
  if (!ran.ok) return ran;
  return disk ? release(job, disk) : adoptDisk(job, source);
}

/** The failure for an older modify-disk where no device was given for it. */
export function needsDevice(layer: Layer): ReturnType<typeof fail> {
  return fail(
    'host',
    `the modify-disk of layer ${layer.name} attaches its disk itself, which takes a network block device`,
    {
      where: { file: path.join(layer.directory, layer.kind) },
      hint: 'give one: vlb build --nbd /dev/nbd0; or let vlb make and attach the disk: put "# vlb: disk-size 20G" into the script',
    },
  );
}

/** Takes over the disk that a script made by itself: its backing reference becomes one that can be moved. */
async function adoptDisk({ layer, parent, draft, context }: Job, source: string): Promise<Result<void>> {
  const where = { file: path.join(layer.directory, layer.kind) };
  if (!statSync(draft.path, { throwIfNoEntry: false })?.size) {
    return fail('work', `layer ${layer.name}: modify-disk ended well but made no disk`, {
      where,
      hint: 'it has to write its second argument, TARGET',
    });
  }
  chmodSync(draft.path, 0o644);
  const made = await context.host.images.info(draft.path);
  if (!made.ok) return made;
  const { format, backing, externalData } = made.value;
  if (format !== 'qcow2' || externalData || (backing !== undefined && backing !== source)) {
    return fail('work', `layer ${layer.name}: modify-disk made a disk that cannot be kept`, {
      where,
      hint: 'TARGET has to be a qcow2 file that stands on SOURCE or on nothing',
      detail: [`it is ${format}${backing === undefined ? '' : ` and stands on ${backing}`}`],
    });
  }
  if (backing === undefined || !parent) return ok();
  return context.host.images.setBacking(draft.path, `./${artifactFile(parent)}`);
}

/** Runs the script under its time-out, with its output to the log, to the reporters, and to the failure if it fails. */
async function runScript(
  job: Job,
  start: (onOutput: (chunk: Buffer) => void) => Promise<Result<number>>,
): Promise<Result<void>> {
  const { layer, context, bench } = job;
  const log = logFile(layer, context);
  mkdirSync(path.dirname(log), { recursive: true });
  const descriptor = openSync(log, 'w');
  const tail: string[] = [];
  const lines = new LineSplitter((line) => {
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    context.emit({ type: 'output', layer: layer.name, line });
  });
  let timedOut = false;
  const { timeout } = layer.hints;
  const timer =
    timeout === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          bench.kill();
        }, timeout * 1000);
  try {
    const ended = await start((chunk) => {
      writeSync(descriptor, chunk);
      lines.write(chunk);
    });
    lines.end();
    const about = { where: { file: path.join(layer.directory, layer.kind) }, detail: tail, log };
    if (timedOut)
      return fail(
        'work',
        `layer ${layer.name}: ${layer.kind} ran longer than its timeout, ${timeout} s`,
        about,
      );
    if (!ended.ok) return ended;
    return ended.value === 0 ? ok() : { ok: false, failure: scriptFailure(job, ended.value, tail, about) };
  } finally {
    clearTimeout(timer);
    closeSync(descriptor);
  }
}

function scriptFailure(
  { layer, staged }: Job,
  exitStatus: number,
  tail: readonly string[],
  about: Pick<Failure, 'where' | 'detail' | 'log'>,
): Failure {
  const script = `layer ${layer.name}: ${layer.kind}`;
  if (exitStatus === 127 && tail.some((line) => /^(unshare|env): .*No such file or directory$/.test(line))) {
    const interpreter = /^#!\s*(\S+)/.exec(readFileSync(path.join(staged.inputs, layer.kind), 'latin1'))?.[1];
    const place = layer.kind === 'build-layer' ? 'in the image' : 'on this host';
    return {
      kind: 'work',
      message: `${script} cannot run: its interpreter ${interpreter ?? ''} is not ${place}`,
      ...about,
      where: { file: about.where?.file ?? '', line: 1 },
      exitStatus,
      hint: 'install it in an earlier layer, or name another one in the first line',
    };
  }
  const end = exitStatus > 128 ? `signal ${exitStatus - 128}` : `exit status ${exitStatus}`;
  return { kind: 'work', message: `${script} failed with ${end}`, ...about, exitStatus };
}
