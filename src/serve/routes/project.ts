// Routes that show the project: all of it, and its graph.

import * as v from 'valibot';
import type { Planned } from '../../execute/execute.ts';
import { failedDisk } from '../../execute/run/failed-disk.ts';
import { runningNow } from '../../execute/run/log.ts';
import { bytesOf } from '../../model/artifact.ts';
import { VERSION } from '../../model/environment.ts';
import { ok, type Result } from '../../model/failure.ts';
import type { Node } from '../../model/graph.ts';
import { FORMATS } from '../../model/machine/format.ts';
import type { PlanStep } from '../../model/plan.ts';
import type { Project } from '../../project/project.ts';
import { createStyle } from '../../report/terminal/style.ts';
import { graphText } from '../../report/text/graph.ts';
import { whyText } from '../../report/text/plan.ts';
import { isFile } from '../../util/fs.ts';
import { planProject } from '../../workspace/planning.ts';
import { NO_ACCESS } from '../../workspace/request.ts';
import type { Workspace } from '../../workspace/workspace.ts';
import { Answer, type Call, listOf, rawRoute, route, type Served } from './route.ts';

export const LAYER = v.object({
  name: v.string(),
  kind: v.pipe(v.string(), v.description('base, or the name of its script')),
  isBase: v.pipe(
    v.boolean(),
    v.description('whether it is a base image, which is built with the layers on it'),
  ),
  parent: v.nullable(v.string()),
  mounts: listOf(v.string()),
  state: v.pipe(
    v.picklist(['fresh', 'restore', 'run', 'building', 'failed']),
    v.description('fresh, restore and run are those of vlb plan; failed also has to run'),
  ),
  why: v.pipe(v.string(), v.description('what vlb why prints')),
  cached: v.boolean(),
  secrets: v.pipe(listOf(v.string()), v.description('the names of those that its script reads')),
  bytes: v.optional(v.number()),
  seconds: v.pipe(v.optional(v.number()), v.description('how long its last build took')),
  created: v.pipe(v.optional(v.string()), v.description('when it was built, ISO 8601')),
  digest: v.optional(v.string()),
});
export type LayerAnswer = v.InferOutput<typeof LAYER>;

const EXPORT_STATE = v.object({
  machine: v.string(),
  format: v.string(),
  reason: v.pipe(v.optional(v.string()), v.description('why it would be written; absent when it is fresh')),
});

const MACHINE = v.object({
  name: v.string(),
  disks: listOf(v.object({ name: v.string(), image: v.optional(v.string()), size: v.optional(v.number()) })),
  memory: v.pipe(v.number(), v.description('bytes')),
  cpus: v.number(),
  firmware: v.string(),
  formats: v.pipe(listOf(v.string()), v.description('the exports that vlb.yaml lists')),
});

const OVERVIEW = v.object({
  project: v.pipe(v.string(), v.description('the directory of the project')),
  version: v.string(),
  readOnly: v.boolean(),
  layers: listOf(LAYER),
  images: listOf(v.object({ name: v.string(), layer: v.string() })),
  machines: listOf(MACHINE),
  exports: listOf(EXPORT_STATE),
  formats: listOf(v.object({ name: v.string(), text: v.string() })),
  notes: listOf(v.string()),
});
export type Overview = v.InferOutput<typeof OVERVIEW>;

/** The plan of the whole project, as `vlb plan` makes it. */
export async function planAll(
  workspace: Workspace,
  { remote }: Pick<Served, 'remote'>,
  signal: AbortSignal,
  notes: string[] = [],
): Promise<Result<{ readonly project: Project; readonly planned: Planned }>> {
  const project = await workspace.load();
  if (!project.ok) return project;
  const planned = await planProject(workspace, project.value, {
    ...NO_ACCESS,
    // Nothing is written to the shared cache to find out whether it could be.
    remote: remote === 'off' ? 'off' : 'r',
    targets: [],
    params: [],
    force: [],
    emit: (event) => {
      if (event.type === 'note') notes.push(event.message);
    },
    signal,
  });
  return planned.ok ? ok({ project: project.value, planned: planned.value }) : planned;
}

/** A layer of a plan, with what its last run left. */
export function layerAnswer(step: PlanStep, { paths, parts }: Workspace): LayerAnswer {
  const { node, action, keeping } = step;
  const isBuilding = node.layer !== undefined && runningNow(node.name, paths, parts.isAlive) !== undefined;
  const hasFailed = action.type === 'run' && node.layer !== undefined && isFile(failedDisk(node.name, paths));
  const record = action.type === 'run' ? undefined : action.record;
  return {
    name: node.name,
    kind: node.layer?.kind ?? 'base',
    isBase: node.layer === undefined,
    parent: node.parent ?? null,
    mounts: node.mounts.map(({ name }) => name),
    state: isBuilding ? 'building' : hasFailed ? 'failed' : action.type,
    why: whyText(step, PLAIN),
    cached: keeping === 'cached',
    secrets: secretNames(node),
    ...(record
      ? {
          bytes: bytesOf(record.artifact),
          seconds: record.seconds,
          created: record.created,
          digest: record.artifact.disks[0].digest,
        }
      : {}),
  };
}

/** The secrets that a layer declares. */
export function secretNames({ layer }: Node): readonly string[] {
  return layer?.hints.secrets.map(({ name }) => name) ?? [];
}

export const PLAIN = createStyle(false);

async function overview({ signal }: Call, served: Served): Promise<Result<Overview>> {
  const workspace = served.open();
  const notes: string[] = [];
  const whole = await planAll(workspace, served, signal, notes);
  if (!whole.ok) return whole;
  const { project, planned } = whole.value;
  const { listedExports } = await import('../../workspace/export-plan.ts');
  const exports = await listedExports(workspace, [], project, planned);
  if (!exports.ok) return exports;
  return ok({
    project: workspace.directory,
    version: VERSION,
    readOnly: served.readOnly,
    layers: planned.plan.map((step) => layerAnswer(step, workspace)),
    images: [...planned.images].map(([name, layer]) => ({ name, layer })),
    machines: project.machines.map(({ machine }) => ({
      name: machine.name,
      disks: machine.disks.map(({ name, image, ...disk }) => ({
        name,
        image,
        ...('size' in disk ? { size: disk.size } : {}),
      })),
      memory: machine.memory,
      cpus: machine.cpus,
      firmware: machine.firmware,
      formats: machine.exports.map(({ format }) => format),
    })),
    exports: exports.value,
    formats: Object.entries(FORMATS).map(([name, { text }]) => ({ name, text })),
    notes,
  });
}

export const PROJECT_ROUTES = [
  route({
    method: 'get',
    path: '/api/overview',
    summary: 'the layers, images and machines of the project, with their states',
    answer: OVERVIEW,
    run: overview,
  }),
  rawRoute({
    method: 'get',
    path: '/api/graph',
    summary: 'the graph of the layers, as vlb graph prints it',
    query: {
      format: v.optional(v.picklist(['text', 'dot', 'mermaid', 'json']), 'json'),
    },
    answer: { media: 'text/plain', text: 'the graph; application/json for the format json' },
    async run({ query: { format }, signal }, served) {
      const whole = await planAll(served.open(), served, signal);
      if (!whole.ok) return whole;
      const text = `${graphText(whole.value.planned.plan, format, PLAIN)}\n`;
      const type = format === 'json' ? 'application/json' : 'text/plain; charset=utf-8';
      return new Answer({ status: 200, headers: { 'content-type': type }, body: Buffer.from(text) });
    },
  }),
];
