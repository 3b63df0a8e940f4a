// The build-layer that a layer of steps amounts to: for the system in its parent's image, or for one that is named.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Distribution, distributionOf, namedDistribution } from '../../distro/distribution.ts';
import type { Context } from '../../execute/run-context.ts';
import { artifactFile } from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import { isLayer, type LayerNode } from '../../model/graph.ts';
import type { Plan } from '../../model/plan.ts';
import { type Layer, scriptFile, scriptName } from '../../model/project.ts';
import { createManifestReader } from '../../project/inputs/manifest.ts';
import { StatIndex } from '../../project/inputs/stat-index.ts';
import { distributionOfSystem } from '../../system/installation.ts';
import { backendWithoutProject } from '../backend/choice.ts';
import { mountOptions } from '../disks/diff-disks.ts';
import { planProject } from '../planning.ts';
import type { Selection, Watchers } from '../request.ts';
import type { Workspace } from '../workspace.ts';

export interface ScriptRequest extends Pick<Selection, 'params'>, Watchers {
  /** A layer's name. */
  readonly layer: string;
  /** `debian-12`; undefined for that of the parent's image, as it was last built. */
  readonly distribution: string | undefined;
}

export interface LayerScript {
  readonly layer: Layer;
  readonly text: string;
  /** Whether values of params are written in it. */
  readonly hasValues: boolean;
}

/** The script. Fails as `usage` for a layer without steps, and where it is not known for which system. */
export async function layerScript(
  workspace: Workspace,
  request: ScriptRequest,
): Promise<Result<LayerScript>> {
  const project = await workspace.load();
  if (!project.ok) return project;
  const planned = await planProject(workspace, project.value, {
    ...request,
    nbd: [],
    secrets: [],
    remote: 'off',
    targets: [request.layer],
    force: [],
  });
  if (!planned.ok) return planned;
  const { plan, context } = planned.value;
  const node = plan.at(-1)?.node;
  if (!node || !isLayer(node)) return fail('usage', `there is no layer ${request.layer}`);
  const { layer } = node;
  if (!layer.steps) {
    return fail('usage', `layer ${layer.name} has no steps`, {
      where: { file: scriptFile(layer) },
      hint: `its script is ${scriptName(layer)}`,
    });
  }
  const installation = layer.system?.installation;
  const distribution = installation
    ? ok(distributionOfSystem(installation.system))
    : request.distribution === undefined
      ? await distributionBelow(node, plan, workspace, context)
      : named(request.distribution);
  if (!distribution.ok) return distribution;
  const index = StatIndex.load(workspace.paths.statIndex);
  const manifest = await createManifestReader(workspace.paths.project, index, context.loadHasher).read(layer);
  if (!manifest.ok) return manifest;
  const { scriptOf, systemScriptOf } = await import('../../kinds/steps/script.ts');
  const { InputTree } = await import('../../kinds/steps/input-tree.ts');
  const tree = new InputTree(manifest.value);
  const compilation = { layer, distribution: distribution.value, tree, inputs: layer.directory };
  const text = installation ? systemScriptOf(layer, installation, compilation) : scriptOf(layer, compilation);
  if (!text.ok) return text;
  const files = layer.steps.files.map((name) => readFileSync(path.join(layer.directory, name), 'utf8'));
  return ok({ layer, text: text.value, hasValues: files.some((one) => one.includes('{{')) });
}

function named(text: string): Result<Distribution> {
  const distribution = namedDistribution(text);
  if (distribution) return ok(distribution);
  return fail('usage', `--distribution ${text}: not the name of a distribution`, {
    hint: 'use ID or ID-VERSION of os-release(5), such as debian-12 or rocky-9',
  });
}

/** What is in the image that the layer is built on. */
async function distributionBelow(
  { name, parent }: LayerNode,
  plan: Plan,
  workspace: Workspace,
  { inPlace, store, signal }: Context,
): Promise<Result<Distribution>> {
  const hint = 'name the system: --distribution debian-12';
  const { paths, parts } = workspace;
  const below = plan.find((step) => step.node.name === parent);
  const found =
    below && (below.action.type === 'run' ? await inPlace.last(below.node.name) : below.action.record);
  if (!below || !found || !(await store.has(found.artifact))) {
    return fail(
      'usage',
      `${parent ?? name} is not built yet, so the system that ${name} is for is not known`,
      {
        hint,
      },
    );
  }
  const disks = await parts.disks();
  const backend = await backendWithoutProject(workspace);
  if (!backend.ok) return backend;
  const viewer = await disks.openViewer(paths, backend.value, signal);
  if (!viewer.ok) return { ok: false, failure: { hint, ...viewer.failure } };
  await using open = viewer.value;
  const file = path.join(store.artifactDirectory, artifactFile(found.artifact));
  const image = { file, format: 'qcow2' } as const;
  const disk = await open.open(image, mountOptions(image, isLayer(below.node) ? below.node : undefined));
  if (!disk.ok) return { ok: false, failure: { hint, ...disk.failure } };
  const release = await disk.value.read('/etc/os-release', 64 * 1024);
  const closed = await disk.value.close();
  if (!release.ok) return release;
  return closed.ok ? ok(distributionOf(release.value.toString())) : closed;
}
