// Routes of one layer: its script and inputs, its log, and what it changed.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import * as v from 'valibot';
import { compareDisks } from '../../diff/compare.ts';
import type { DiskDiff } from '../../model/disk-diff.ts';
import { failAt, ok, type Result } from '../../model/failure.ts';
import { isLayer, type Node, needsOf } from '../../model/graph.ts';
import { isManifestLine, parseManifest } from '../../model/manifest.ts';
import type { Plan } from '../../model/plan.ts';
import { scriptFile } from '../../model/project.ts';
import { expectedRecipe } from '../../plan/plan.ts';
import { backendChoice } from '../../workspace/backend/choice.ts';
import { chooseDisks } from '../../workspace/disks/diff-disks.ts';
import { sbomOf } from '../../workspace/disks/sbom.ts';
import { findLog } from '../../workspace/look.ts';
import { oneByOne } from './one-by-one.ts';
import { LAYER, layerAnswer, planAll, secretNames } from './project.ts';
import { Answer, type Call, listOf, notFound, rawRoute, route, type Served } from './route.ts';

/** Bytes of a script or a log that are sent at most. */
const MOST_TEXT = 2 ** 20;

const LAYER_DETAIL = v.object({
  ...LAYER.entries,
  script: v.optional(v.object({ file: v.string(), text: v.string(), truncated: v.boolean() })),
  steps: v.pipe(listOf(v.string()), v.description('what each step of a layer.yaml does')),
  params: v.record(v.string(), v.string()),
  neededSecrets: v.pipe(
    listOf(v.string()),
    v.description(
      'the names of the secrets that a build of it reads: its own, and those of layers below that have to run',
    ),
  ),
  nocache: v.pipe(
    v.optional(v.string()),
    v.description('the layer below with the hint nocache, which applies to this one too'),
  ),
  inputs: listOf(
    v.object({
      path: v.string(),
      type: v.string(),
      executable: v.optional(v.boolean()),
      target: v.pipe(v.optional(v.string()), v.description('of a symbolic link')),
    }),
  ),
});
export type LayerDetail = v.InferOutput<typeof LAYER_DETAIL>;

async function detail({ params, signal }: Call, served: Served): Promise<Result<LayerDetail>> {
  const workspace = served.open();
  const whole = await planAll(workspace, served, signal);
  if (!whole.ok) return whole;
  const { plan, recipeOf } = whole.value.planned;
  const step = plan.find(({ node }) => node.name === params['layer']);
  if (!step) return notFound(`no layer named "${params['layer']}"`);
  const { node } = step;
  const answer = layerAnswer(step, workspace);
  if (!isLayer(node)) return ok({ ...answer, steps: [], params: {}, neededSecrets: [], inputs: [] });
  const recipe = expectedRecipe(node, plan, recipeOf) ?? '';
  const manifest = parseManifest(recipe.split('\n').filter(isManifestLine).join('\n'));
  const file = scriptFile(node.layer);
  const script = textOf(file);
  if (!script.ok) return script;
  const nocache = inheritedNocache(node, plan);
  return ok({
    ...answer,
    ...(nocache === undefined ? {} : { nocache }),
    script: { file: path.relative(workspace.directory, file), ...script.value },
    steps: node.layer.steps?.all.map(({ title }) => title) ?? [],
    params: node.layer.params,
    neededSecrets: neededSecrets(node, plan),
    inputs: manifest.map((entry) => ({
      path: entry.path,
      type: entry.type,
      ...(entry.type === 'file' ? { executable: entry.executable } : {}),
      ...(entry.type === 'link' ? { target: entry.target } : {}),
    })),
  });
}

/** The nearest layer that a node depends on and whose hint keeps both out of the store. */
function inheritedNocache(node: Node, plan: Plan): string | undefined {
  const below = plan.filter((step) => needsOf(node).includes(step.node.name)).map((step) => step.node);
  const own = below.find(({ layer }) => layer?.hints.nocache);
  return own?.name ?? below.map((one) => inheritedNocache(one, plan)).find((name) => name !== undefined);
}

/** The secrets that a build of a node reads. */
function neededSecrets(node: Node, plan: Plan): readonly string[] {
  const names = new Set([node.name]);
  for (const { node: below } of plan.toReversed()) {
    if (names.has(below.name)) for (const name of needsOf(below)) names.add(name);
  }
  const run = plan.filter((step) => names.has(step.node.name) && step.action.type === 'run');
  return [...new Set(run.flatMap((step) => secretNames(step.node)))];
}

function textOf(file: string): Result<{ readonly text: string; readonly truncated: boolean }> {
  try {
    const { bytes, size } = readPart(file, 0);
    return ok({ text: bytes.toString(), truncated: size > bytes.length });
  } catch (error) {
    return failAt(file, 'cannot read the script', error);
  }
}

async function log(
  { params, query }: Call<typeof LOG_QUERY>,
  served: Served,
): Promise<Result<never> | Answer> {
  const before = query.before === undefined || query.before === '0' ? '' : `~${query.before}`;
  const found = await findLog(served.open(), `${params['layer']}${before}`, true);
  if (!found.ok) return notFound(found.failure.message);
  try {
    const { bytes, skipped } = readPart(found.value.file, 'end');
    const headers = {
      'content-type': 'text/plain; charset=utf-8',
      'vlb-skipped-bytes': String(skipped),
      'vlb-running': String(found.value.isRunning?.() === true),
    };
    return new Answer({ status: 200, headers, body: bytes });
  } catch (error) {
    return failAt(found.value.file, 'cannot read the log', error);
  }
}

/** The first or last part of a file, which may be any program. Throws node's fs errors. */
function readPart(
  file: string,
  from: 0 | 'end',
): { readonly bytes: Buffer; readonly skipped: number; readonly size: number } {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const skipped = from === 0 ? 0 : Math.max(0, size - MOST_TEXT);
    const bytes = Buffer.alloc(Math.min(size - skipped, MOST_TEXT));
    return { bytes: bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, skipped)), skipped, size };
  } finally {
    closeSync(descriptor);
  }
}

const LOG_QUERY = {
  before: v.pipe(
    v.optional(v.pipe(v.string(), v.regex(/^\d{1,2}$/))),
    v.description('how many runs ago; default: the last run, or the one that is going on'),
  ),
};

/** One reading of disks after the other: each attaches whole chains. */
const reading = oneByOne();

async function diff({ params, signal }: Call, served: Served): Promise<Result<DiskDiff>> {
  return await reading(() => compare(params['layer'] ?? '', served, signal));
}

async function sbom(
  { params, query, signal }: Call<typeof SBOM_QUERY>,
  served: Served,
): Promise<Result<never> | Answer> {
  const { name = '' } = params;
  const workspace = served.open();
  const project = await workspace.load();
  if (!project.ok) return project;
  const { layers, images, machines } = project.value;
  // Another word could be the path of any image of this machine.
  const names = [...layers, ...images, ...machines.map(({ machine }) => machine)].map((one) => one.name);
  if (!names.includes(name)) return notFound(`no layer, image or machine named "${name}"`);
  const format = query.format ?? 'cyclonedx';
  const text = await reading(() => sbomOf(workspace, name, format, signal));
  if (!text.ok) return text;
  const file = `${name}.${format === 'spdx' ? 'spdx' : 'cdx'}.json`;
  const headers = {
    'content-type': 'application/json',
    'content-disposition': `attachment; filename="${file}"`,
  };
  return new Answer({ status: 200, headers, body: Buffer.from(text.value) });
}

const SBOM_QUERY = { format: v.optional(v.picklist(['cyclonedx', 'spdx'])) };

async function compare(layer: string, served: Served, signal: AbortSignal): Promise<Result<DiskDiff>> {
  const workspace = served.open();
  const project = await workspace.load();
  if (!project.ok) return project;
  // Only a layer: another word could be the path of any image of this machine.
  if (!project.value.layers.some(({ name }) => name === layer)) return notFound(`no layer named "${layer}"`);
  const disks = await workspace.parts.disks();
  const chosen = await chooseDisks([layer], workspace, disks, signal);
  if (!chosen.ok) return chosen;
  const backend = backendChoice({ nbd: [] }, project.value, workspace);
  if (!backend.ok) return backend;
  const opened = await disks.openViewer(workspace.paths, backend.value, signal);
  if (!opened.ok) return opened;
  await using viewer = opened.value;
  const { before, after, options, isDescendant } = chosen.value;
  const found = await compareDisks(
    { before: before?.image, after: after.image, options, isDescendant },
    viewer,
  );
  return found.ok ? ok({ before: before?.name ?? 'nothing', after: after.name, ...found.value }) : found;
}

export const LAYER_ROUTES = [
  route({
    method: 'get',
    path: '/api/layers/{layer}',
    summary: 'a layer: its state, script, steps and inputs',
    answer: LAYER_DETAIL,
    run: detail,
  }),
  rawRoute({
    method: 'get',
    path: '/api/layers/{layer}/log',
    summary: 'the log of a layer, at most its last MiB',
    query: LOG_QUERY,
    answer: {
      media: 'text/plain',
      text: 'the log; the header vlb-skipped-bytes says how much of its beginning is left out',
    },
    run: log,
  }),
  route({
    method: 'get',
    path: '/api/layers/{layer}/diff',
    summary: 'what a layer changed: packages and files, as vlb diff --json prints it',
    answer: v.pipe(
      v.custom<DiskDiff>(() => true),
      v.description('see vlb diff --json'),
    ),
    run: diff,
  }),
  rawRoute({
    method: 'get',
    path: '/api/sbom/{name}',
    summary: 'the packages of a layer, an image or a machine that is built, as vlb sbom prints them',
    query: SBOM_QUERY,
    answer: { media: 'application/json', text: 'CycloneDX 1.6, or SPDX 2.3' },
    run: sbom,
  }),
];
