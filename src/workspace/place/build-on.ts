// A build on an engine: what has to run is placed as jobs, and what they shared is then fetched, as any build here does it.

import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Planned, plannedStep } from '../../execute/execute.ts';
import { neededNodes } from '../../execute/schedule/dependencies.ts';
import type { Engine, EngineName, JobId } from '../../model/engine/engine.ts';
import type { Job } from '../../model/engine/job.ts';
import type { BuildEvent, Emit, Finished, Outcome } from '../../model/event.ts';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { Plan } from '../../model/plan.ts';
import type { Store } from '../../model/ports/store.ts';
import { cutPlan, longestFirst } from '../../plan/cut.ts';
import type { ImageLayers } from '../../plan/images.ts';
import { makeDirectories, namesIn } from '../../util/fs.ts';
import { type BuildRequest, build } from '../build.ts';
import { planProject } from '../planning.ts';
import { usableCache } from '../share.ts';
import type { Workspace } from '../workspace.ts';
import { FetchAhead, fetchLayers } from './fetch-ahead.ts';
import { cancelAll, type Followed, Follower, type PlacedJob } from './follow.ts';
import { jobScript } from './job-script.ts';
import { LayerLogs } from './layer-logs.ts';

export interface BuildOnRequest extends BuildRequest {
  /** Absolute path of the program `vlb`. */
  readonly launcher: string;
}

/**
 * Builds on an engine. Fails as `usage` for a project that cannot be built there, such as one without a shared cache, and
 * as `host` if the engine takes no jobs: in both cases nothing was begun.
 */
export async function buildOn(
  workspace: Workspace,
  name: EngineName,
  request: BuildOnRequest,
): Promise<Result<Finished>> {
  const project = await workspace.load();
  if (!project.ok) return project;
  const able = checkRequest(name, request);
  if (!able.ok) return able;
  const usable = usableCache(project.value, workspace.directory, request.remote);
  if (!usable.ok) return usable;
  const emit = withoutRepeatedNotes(request.emit);
  const planned = await planProject(workspace, project.value, { ...request, emit });
  if (!planned.ok) return planned;
  const { plan, images, context } = planned.value;
  const { store } = context;
  using _lease = { [Symbol.dispose]: () => store.release() };
  const jobs = longestFirst(cutPlan(plan));
  if (jobs.length === 0) return build(workspace, { ...request, emit });
  const shares = await checkShared(name, store, request.signal);
  if (!shares.ok) return shares;
  const engine = await workspace.parts.engine(name);
  const run = openRun(workspace);
  if (!run.ok) return run;
  using directory = run.value;
  request.onStart?.();
  const placed = await submitAll(jobs, engine, directory.path, workspace, request);
  if (!placed.ok) return placed;
  emit({ type: 'plan', steps: plan.map(plannedStep) });
  const [layers, count] = [jobs.reduce((sum, job) => sum + job.layers.length, 0), jobs.length];
  emit({
    type: 'note',
    message: `${engine.name} has ${count} ${count === 1 ? 'job' : 'jobs'} for ${layers} layers`,
  });
  const { paths, parts } = workspace;
  const { keepGoing, signal } = request;
  const logs = new LayerLogs({ paths, owner: parts.owner });
  const failed = new AbortController();
  const fetching = { ...request, signal: AbortSignal.any([signal, failed.signal]) };
  const ahead = new FetchAhead((built) => fetchLayers(built, workspace, project.value, fetching));
  const needed = layersOfImages(plan, images);
  const onBuilt = (layer: string) => {
    if (needed.has(layer)) ahead.add(layer);
  };
  const followed = await new Follower(placed.value, { engine, logs, keepGoing, emit, onBuilt, signal }).run();
  if (followed.failures.length > 0) failed.abort();
  await ahead.end();
  if (signal.aborted || followed.failures.length > 0)
    return ok(finishedEarly(planned.value, followed, request));
  return build(workspace, { ...request, onStart: undefined, emit: afterJobs(followed.outcomes, emit) });
}

/** What only a build on this machine can do, and what has to be allowed. */
function checkRequest(name: EngineName, { force, nbd, onFailedDisk, remote }: BuildOnRequest): Result<void> {
  const here = (option: string) =>
    fail('usage', `${option} is for builds on this machine, not for --on ${name}`);
  if (force === 'all' || force.length > 0) return here('--force');
  if (nbd.length > 0) return here('--nbd');
  if (onFailedDisk) return here('--on-error shell');
  if (remote !== 'r') return ok();
  return fail('usage', `--on ${name} writes to the shared cache, which is read-only here`, {
    hint: 'see --cache and VLB_CACHE',
  });
}

/** Whether jobs can get from each other what they build. Fails as `host`; the notes say why. */
async function checkShared(name: EngineName, { shared }: Store, signal: AbortSignal): Promise<Result<void>> {
  const needed = `and jobs of ${name} have nothing else in common`;
  const hint = 'see the notes above';
  if (!(await shared?.hasAnswered())) {
    return fail('host', `the shared cache does not answer, ${needed}`, { hint });
  }
  if (await shared?.isWritable(signal)) return ok();
  if (signal.aborted) return fail('interrupted', 'the build was interrupted');
  return fail('host', `the shared cache cannot be written to, ${needed}`, { hint });
}

/** The layers whose disks the images consist of, once all are built. */
function layersOfImages(plan: Plan, images: ImageLayers): ReadonlySet<string> {
  const built = plan.map(({ node }) => ({ node, action: { type: 'fresh' } as const }));
  return neededNodes(built, new Set(images.values()));
}

/** The directory for what jobs print: of this process, since several may build the project. Those of dead ones are removed. */
function openRun({ paths, parts }: Workspace): Result<Disposable & { readonly path: string }> {
  const above = path.join(paths.state, 'placed');
  const own = path.join(above, parts.owner);
  try {
    makeDirectories(above);
    for (const name of namesIn(above)) {
      if (!parts.isAlive(name)) rmSync(path.join(above, name), { recursive: true, force: true });
    }
    mkdirSync(own);
  } catch (error) {
    return failAt(own, 'cannot create a directory for the output of jobs', error);
  }
  return ok({ path: own, [Symbol.dispose]: () => rmSync(own, { recursive: true, force: true }) });
}

/** The files that jobs print to. On a network file system, a file that is there is seen to grow sooner than one that appears. */
function outputFiles(jobs: readonly Job[], directory: string): Result<readonly Omit<PlacedJob, 'id'>[]> {
  const outputs = jobs.map((job, index) => {
    const file = path.join(directory, String(index + 1));
    return { job, stdout: `${file}.out`, stderr: `${file}.err` };
  });
  try {
    for (const { stdout } of outputs) writeFileSync(stdout, '');
  } catch (error) {
    return failAt(directory, 'cannot create files for the output of jobs', error);
  }
  return ok(outputs);
}

/** Hands all jobs to the engine, in this order. If it refuses one, those before it are cancelled. */
async function submitAll(
  jobs: readonly Job[],
  engine: Engine,
  directory: string,
  workspace: Workspace,
  request: BuildOnRequest,
): Promise<Result<readonly PlacedJob[]>> {
  const run = randomUUID();
  const ids = new Map<string, JobId>();
  const placed: PlacedJob[] = [];
  const outputs = outputFiles(jobs, directory);
  if (!outputs.ok) return outputs;
  for (const [index, { job, stdout, stderr }] of outputs.value.entries()) {
    // Not interrupted: nobody would know the number of the job.
    const submitted = request.signal.aborted
      ? fail('interrupted', 'the build was interrupted')
      : await engine.submit({
          name: job.name,
          resources: job.resources,
          needs: job.needs.flatMap((need) => ids.get(need) ?? []),
          script: scriptOf(job, `${run}-${index}`, workspace, request),
          directory: workspace.directory,
          stdout,
          stderr,
        });
    if (!submitted.ok) {
      await cancelAll(engine, [...ids.values()], request.emit);
      return submitted;
    }
    ids.set(job.name, submitted.value);
    placed.push({ id: submitted.value, job, stdout, stderr });
  }
  return ok(placed);
}

function scriptOf(
  { name }: Job,
  run: string,
  { directory, paths, hasOwnStore }: Workspace,
  { launcher, backend, params, secrets, keepGoing }: BuildOnRequest,
): string {
  const project = ['-C', directory, ...(hasOwnStore ? ['--cache-dir', paths.store] : [])];
  const words = [
    ...project,
    'build',
    '--progress=json',
    '--cache=remote:rw',
    ...(backend === undefined ? [] : [`--backend=${backend}`]),
    ...(keepGoing ? ['--keep-going'] : []),
    ...params.flatMap((param) => ['-p', param]),
    ...secrets.flatMap((secret) => ['--secret', withAbsolutePath(secret)]),
    name,
  ];
  return jobScript({ launcher, words, clear: ['-C', directory, 'store', 'clear'], job: run });
}

/** `NAME=FILE` as it is valid in another directory. */
function withAbsolutePath(secret: string): string {
  const [name, ...file] = secret.split('=');
  return file.length === 0 ? secret : `${name}=${path.resolve(file.join('='))}`;
}

/** The project is read twice, here and after the jobs, and each of those reads it too: what was noted once is enough. */
function withoutRepeatedNotes(emit: Emit): Emit {
  const seen = new Set<string>();
  return (event) => {
    if (event.type === 'note') {
      const message = event.message.replace(/^[\w.-]+: /, '');
      if (seen.has(message)) return;
      seen.add(message);
    }
    emit(event);
  };
}

const NONE: Readonly<Record<Outcome, number>> = { fresh: 0, restored: 0, built: 0, failed: 0, skipped: 0 };

/** The end of a build whose jobs did not all succeed. */
function finishedEarly(
  { plan }: Planned,
  { outcomes, failures }: Followed,
  { emit, signal }: BuildOnRequest,
): Finished {
  const counts = { ...NONE };
  for (const { node, action } of plan) {
    counts[outcomes.get(node.name) ?? (action.type === 'run' ? 'skipped' : 'fresh')]++;
  }
  const { failure } = signal.aborted ? fail('interrupted', 'the build was interrupted') : (failures[0] ?? {});
  const finished: Finished = {
    type: 'finished',
    ok: false,
    counts,
    seconds: Math.round(performance.now()) / 1000,
    ...(failure === undefined ? {} : { failure }),
    failures,
  };
  emit(finished);
  return finished;
}

/** Passes on the events of the build here, without those that jobs had, and with the layers counted that jobs have built. */
function afterJobs(outcomes: ReadonlyMap<string, Outcome>, emit: Emit): Emit {
  const moved = { restored: 0, fresh: 0 };
  return (event: BuildEvent) => {
    if (event.type === 'plan') return;
    if (event.type === 'layer-finished' && (event.outcome === 'restored' || event.outcome === 'fresh')) {
      const before = outcomes.get(event.layer);
      if (before === 'built') moved[event.outcome]++;
      if (before !== undefined) return;
    }
    if (event.type !== 'finished') return emit(event);
    const { built, restored, fresh } = event.counts;
    const counts = {
      ...event.counts,
      built: built + moved.restored + moved.fresh,
      restored: restored - moved.restored,
      fresh: fresh - moved.fresh,
    };
    emit({ ...event, counts });
  };
}
