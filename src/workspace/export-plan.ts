// What is to be exported: the machines that names mean, in the formats that are wanted, and the state of each export.

import path from 'node:path';
import { type CheckState, checkStates } from '../execute/checks.ts';
import type { Planned } from '../execute/execute.ts';
import { type ExportRun, reasonFor } from '../execute/export/export-machine.ts';
import type { Staleness } from '../execute/export/fresh.ts';
import { SharedDisks } from '../execute/export/shared-disks.ts';
import { refusalOf, taskOf, type Wish } from '../execute/export/task.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import { type Graph, isLayer } from '../model/graph.ts';
import { type ExportOrder, FORMAT_NAMES, isFormat } from '../model/machine/format.ts';
import type { Machine } from '../model/machine/machine.ts';
import type { Plan } from '../model/plan.ts';
import { knownArtifacts } from '../plan/decide.ts';
import { findMachines, type PlannedMachine } from '../plan/machines.ts';
import { projectGraph } from '../plan/variants.ts';
import { parseParams } from '../project/layers/params.ts';
import type { Project } from '../project/project.ts';
import { guessHint } from '../util/nearest.ts';
import { backendWithoutProject } from './backend/choice.ts';
import { systemReader } from './image-os.ts';
import { type PlanRequest, planProject } from './planning.ts';
import { NO_ACCESS, type Pace } from './request.ts';
import type { Workspace } from './workspace.ts';

export interface ExportRequest extends Omit<PlanRequest, 'targets' | 'force'>, Pace {
  /** Machines, images and layers; empty for all machines, or else the main image. */
  readonly names: readonly string[];
  /** The formats, instead of those that vlb.yaml lists. */
  readonly formats: readonly string[];
  /** Absolute path of the directory that gets `<machine>/<format>`; by default build/export. */
  readonly output?: string | undefined;
  /** Whether layers that are not built are built first. */
  readonly build: boolean;
  /** Whether exports are written again that are fresh. */
  readonly force: boolean;
  /** Called when something is about to change: from here on, cancel by the signal. */
  readonly onStart?: (() => void) | undefined;
}

/** What `vlb export` would do. */
export interface PlannedExport {
  readonly machine: string;
  readonly format: string;
  /** Why it would be written; undefined when it is fresh. */
  readonly reason: Staleness | 'a layer has to be built' | 'forced' | undefined;
}

/** What an export would do: the layers' plan, and each export with its state. */
export async function planExports(
  workspace: Workspace,
  request: ExportRequest,
): Promise<
  Result<{
    readonly plan: Plan;
    readonly checks: readonly CheckState[];
    readonly exports: readonly PlannedExport[];
  }>
> {
  const project = await workspace.load();
  if (!project.ok) return project;
  const wishes = wishesOf(request, project.value);
  if (!wishes.ok) return wishes;
  const possible = await checkWishes(workspace, wishes.value);
  if (!possible.ok) return possible;
  const planned = await planProject(workspace, project.value, {
    ...NO_ACCESS,
    ...request,
    remote: request.remote === 'off' ? 'off' : 'r',
    targets: layersOf(wishes.value),
    checked: imagesOf(wishes.value),
    force: [],
  });
  if (!planned.ok) return planned;
  const exports = await statesOf(workspace, wishes.value, planned.value, request);
  const { plan, checks } = planned.value;
  const states = checkStates(checks, knownArtifacts(plan), workspace.paths.state);
  return ok({ plan, checks: states, exports });
}

/** The exports that vlb.yaml lists, with their states. @param planned of the whole project */
export async function listedExports(
  workspace: Workspace,
  params: readonly string[],
  project: Project,
  planned: Planned,
): Promise<Result<readonly PlannedExport[]>> {
  if (project.machines.every(({ machine }) => machine.exports.length === 0)) return ok([]);
  const request = {
    names: [],
    formats: [],
    params,
    force: false,
    emit: () => {},
    signal: planned.context.signal,
  };
  const wishes = wishesOf(request, project);
  return wishes.ok ? ok(await statesOf(workspace, wishes.value, planned, request)) : wishes;
}

async function statesOf(
  workspace: Workspace,
  wishes: readonly Wish[],
  planned: Planned,
  request: Pick<ExportRequest, 'force' | 'output' | 'emit' | 'signal'>,
): Promise<readonly PlannedExport[]> {
  const { host } = planned.context;
  const known = { ...planned, artifacts: knownArtifacts(planned.plan) };
  const run = runOf(workspace, request, host);
  const exporters = await workspace.parts.exporters(host);
  const states: PlannedExport[] = [];
  for (const wish of wishes) {
    const about = { machine: wish.planned.machine.name, format: wish.order.format };
    const isBuilt = wish.planned.layers.every((layer) => layer === undefined || known.artifacts.has(layer));
    if (!isBuilt) states.push({ ...about, reason: 'a layer has to be built' });
    else {
      const task = taskOf(wish, known, exporters, outputOf(workspace, request));
      states.push({ ...about, reason: request.force ? 'forced' : await reasonFor(task, run) });
    }
  }
  return states;
}

/** The exports that are wanted, of the machines that the names mean. Fails as `usage`. */
export function wishesOf(
  request: Pick<ExportRequest, 'names' | 'formats' | 'params'>,
  project: Project,
): Result<readonly Wish[]> {
  const unknown = request.formats.find((format) => !isFormat(format));
  if (unknown !== undefined) {
    return fail('usage', `--format ${unknown}: unknown format`, {
      hint: guessHint(unknown, FORMAT_NAMES, `valid formats: ${FORMAT_NAMES.join(', ')}`),
    });
  }
  const given = parseParams(request.params);
  if (!given.ok) return given;
  const whole = projectGraph(project, given.value);
  if (!whole.ok) return whole;
  const machines = findMachines(request.names, { ...whole.value, machines: project.machines });
  if (!machines.ok) return machines;
  const wishes = machines.value.flatMap((planned) =>
    ordersOf(planned.machine, request.formats).map((order) => ({
      ...{
        planned,
        order,
        sizes: sizesOf(planned, whole.value.graph),
        further: furtherOf(planned, whole.value.graph),
      },
    })),
  );
  const [first] = machines.value;
  if (wishes.length > 0 || !first) return ok(wishes);
  return fail('usage', `no format to export ${first.machine.name} to`, {
    hint: `give one: --format ${FORMAT_NAMES[0]}, or list exports: of machines in vlb.yaml`,
  });
}

/** The sizes that hints say, and those of empty disks. */
function sizesOf({ machine, layers }: PlannedMachine, { nodes }: Graph): readonly (number | undefined)[] {
  const hinted = (name: string | undefined): number | undefined => {
    const node = nodes.find((one) => one.name === name);
    if (!node || !isLayer(node)) return undefined;
    return node.layer.hints.diskSize ?? hinted(node.parent);
  };
  return machine.disks.map((disk, index) => (disk.image === undefined ? disk.size : hinted(layers[index])));
}

/** The further disks of the system's image, by the hints of its layers. */
function furtherOf({ machine, layers: [layer] }: PlannedMachine, { nodes }: Graph): Wish['further'] {
  const found = new Map<string, number>();
  const isListed = (name: string) => machine.disks.some((disk) => disk.name === name);
  for (let node = nodes.find(({ name }) => name === layer); node && isLayer(node); ) {
    const { parent, layer: own } = node;
    for (const { name, size } of own.hints.disks) {
      if (!isListed(name)) found.set(name, Math.max(size, found.get(name) ?? 0));
    }
    node = nodes.find(({ name }) => name === parent);
  }
  return [...found].map(([name, size]) => ({ name, size })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Why one of the exports that are wanted cannot be, as far as that is known before anything is built. Fails as `usage`. */
export async function checkWishes(workspace: Workspace, wishes: readonly Wish[]): Promise<Result<void>> {
  const { parts } = workspace;
  // Nothing is run for that.
  const exporters = await parts.exporters(parts.host({ nbd: [] }));
  const failure = wishes.map((wish) => refusalOf(wish, exporters)).find((refused) => refused !== undefined);
  return failure ? { ok: false, failure } : ok();
}

/** Of a format that vlb.yaml lists, with the options there. */
function ordersOf({ exports }: Machine, formats: readonly string[]): readonly ExportOrder[] {
  if (formats.length === 0) return exports;
  return [...new Set(formats)].filter(isFormat).flatMap((format) => {
    const listed = exports.filter((order) => order.format === format);
    return listed.length > 0 ? listed : [{ format, options: {} }];
  });
}

/** The layers that the disks are made from. */
export function layersOf(wishes: readonly Wish[]): readonly string[] {
  const layers = wishes.flatMap(({ planned }) => planned.layers).filter((layer) => layer !== undefined);
  return [...new Set(layers)];
}

/** The names that disks have for what they are made from, and of machines that are images themselves. */
export function imagesOf(wishes: readonly Wish[]): readonly string[] {
  return wishes.flatMap(({ planned: { machine } }) => [
    machine.name,
    ...machine.disks.flatMap(({ image }) => image ?? []),
  ]);
}

/** build/export, unless the request names another directory. */
export function outputOf({ paths }: Workspace, { output }: Pick<ExportRequest, 'output'>): string {
  return output ?? path.join(paths.build, 'export');
}

/** What the exports of a request are written with. */
export function runOf(
  workspace: Workspace,
  request: Pick<ExportRequest, 'emit' | 'signal'> & Partial<Pick<ExportRequest, 'backend'>>,
  host: ExportRun['host'],
): ExportRun & AsyncDisposable {
  const { parts, directory, paths } = workspace;
  const shared = new SharedDisks(host.images, parts.owner);
  let opened: ReturnType<ExportRun['viewer']> | undefined;
  const openViewer = async () => {
    const choice = await backendWithoutProject(workspace, { backend: request.backend, nbd: [] });
    return choice.ok ? (await parts.disks()).openViewer(paths, choice.value, request.signal) : choice;
  };
  const viewer = () => (opened ??= openViewer());
  let shownAt = 0;
  return {
    host,
    owner: parts.owner,
    signal: request.signal,
    systemOf: systemReader(viewer),
    shared,
    git: () => parts.gitState(directory),
    viewer,
    [Symbol.asyncDispose]: async () => {
      shared[Symbol.dispose]();
      const own = await opened;
      if (own?.ok) await own.value[Symbol.asyncDispose]();
    },
    command: (line, variables) => parts.runCommand(line, { directory, variables, signal: request.signal }),
    onProgress: ({ machine, order }, bytes, total) => {
      if (performance.now() - shownAt < PROGRESS_MILLISECONDS && bytes < total) return;
      shownAt = performance.now();
      request.emit({ type: 'export-progress', machine: machine.name, format: order.format, bytes, total });
    },
  };
}

/** The least time between two events about the progress of an export. */
const PROGRESS_MILLISECONDS = 500;
