// From a project to a plan, and the context in which it can be executed.

import { checksOf, seedDigest } from '../execute/checks.ts';
import type { Planned } from '../execute/execute.ts';
import type { BaseInputs } from '../kinds/kind.ts';
import { baseKindOf } from '../kinds/registry.ts';
import type { BuildEvent, Emit } from '../model/event.ts';
import { ok, type Result } from '../model/failure.ts';
import { type Graph, type Identity, isLayer, lineageOf, type Node } from '../model/graph.ts';
import type { Store } from '../model/ports/store.ts';
import { DEFAULT_LIMITS } from '../model/ports/store-upkeep.ts';
import type { Base } from '../model/project.ts';
import { findLayer } from '../plan/find-layer.ts';
import { graphUpTo } from '../plan/graph.ts';
import { layerRecipe } from '../plan/key.ts';
import { makePlan, type RecipeOf } from '../plan/plan.ts';
import { projectGraph } from '../plan/variants.ts';
import { checkBindSources, locateAtHint } from '../project/inputs/bind-sources.ts';
import { lazyFileHasher } from '../project/inputs/hash.ts';
import { createManifestReader } from '../project/inputs/manifest.ts';
import { StatIndex } from '../project/inputs/stat-index.ts';
import { parseParams } from '../project/layers/params.ts';
import { givenSecrets } from '../project/layers/secrets.ts';
import type { Project, ProjectPaths } from '../project/project.ts';
import { shownPath } from '../util/shown-path.ts';
import { traceNote } from '../util/trace.ts';
import { backendChoice, endedOnAbort } from './backend/choice.ts';
import type { Access, Selection, Watchers } from './request.ts';
import { cannotWriteState, type Workspace } from './workspace.ts';

export interface PlanRequest extends Selection, Access, Watchers {
  /** How a user runs `vlb shell` on this project, up to its options: failures of layers advise it. */
  readonly shellCommand?: string | undefined;
  /** Images whose checks are run, in addition to those that are targets. */
  readonly checked?: readonly string[];
}

/** Reads the project's inputs and plans what a build would do. Nothing is run. Fails as `usage` or `host`. */
export async function planProject(
  workspace: Workspace,
  project: Project,
  request: PlanRequest,
): Promise<Result<Planned>> {
  const { paths, parts } = workspace;
  const given = parseParams(request.params);
  if (!given.ok) return given;
  const whole = projectGraph(project, given.value);
  if (!whole.ok) return whole;
  const { images, lacking } = whole.value;
  if (lacking) return { ok: false, failure: lacking };
  const layers = whole.value.graph.nodes.filter(isLayer).map(({ layer }) => layer);
  const secrets = givenSecrets(request.secrets, layers, parts.environment.variables, request.secretValues);
  if (!secrets.ok) return secrets;
  const sources = checkBindSources(layers, paths);
  if (!sources.ok) return sources;
  const layerOf = (name: string) => images.get(name) ?? name;
  const targets = request.targets.map(layerOf);
  const graph = targets.length === 0 ? ok(whole.value.graph) : graphUpTo(whole.value.graph, targets);
  if (!graph.ok) return graph;
  emitNotes(project, workspace, request.emit);

  const store = await openStore(workspace, project, request);
  if (!store.ok) return store;
  const inPlace = parts.openInPlace(paths, store.value);
  const loadHasher = lazyFileHasher();
  const backend = backendChoice(request, project, workspace);
  if (!backend.ok) return backend;
  const host = parts.host(backend.value);
  endedOnAbort(host, request.signal);
  const recipes = await readRecipes(graph.value, targets.length === 0, paths, {
    loadHasher,
    environment: parts.environment,
    verifySignature: host.verifySignature,
    exportKey: host.exportKey,
    read: host.images.read,
    signal: request.signal,
    refreshes: (name) => request.force === 'all' || request.force.includes(name),
  });
  if (!recipes.ok) return recipes;
  const forced = forcedNodes(
    graph.value,
    request.force === 'all'
      ? 'all'
      : request.force.filter((name) => !isListed(project.bases.get(name))).map(layerOf),
  );
  if (!forced.ok) return forced;
  const built = new Set(graph.value.nodes.map(({ name }) => name));
  const checked = project.images.filter(({ name }) => {
    const isWanted =
      request.targets.length === 0 || [...request.targets, ...(request.checked ?? [])].includes(name);
    return isWanted && built.has(layerOf(name));
  });
  const plan = await makePlan(graph.value, recipes.value, store.value, inPlace, (node) =>
    forced.value.has(node.name),
  );
  return ok({
    plan,
    images,
    recipeOf: recipes.value,
    checks: {
      wanted: checksOf(checked, images),
      forced: request.force === 'all',
      seed: checked.some(({ checks }) => checks) ? seedDigest(paths.project) : '',
      booter: () => parts.booter(),
    },
    context: {
      host,
      store: store.value,
      inPlace,
      paths,
      loadHasher,
      secrets: secrets.value,
      emit: (event) => {
        traceEvent(event);
        request.emit(event);
      },
      drained: request.drained ?? (() => undefined),
      shellCommand: request.shellCommand ?? 'vlb shell',
      environment: parts.environment,
      signal: request.signal,
      owner: parts.owner,
    },
  });
}

function emitNotes({ notes }: Project, { parts }: Workspace, emit: Emit): void {
  for (const { file, line, message } of notes) {
    const place = shownPath(file, parts.environment.directory);
    emit({ type: 'note', message: `${place}${line === undefined ? '' : `:${line}`}: ${message}` });
  }
}

/** The decisions and states of a build, but not the output of scripts and not what comes once a second. */
function traceEvent({ type, ...fields }: BuildEvent): void {
  if (!['output', 'layer-size', 'progress', 'transfer'].includes(type)) traceNote(type, fields);
}

/** The local store, with the project's shared cache behind it where there is one and it is to be used. */
async function openStore(
  { paths, parts }: Workspace,
  project: Project,
  request: Access & Watchers,
): Promise<Result<Store>> {
  const local = parts.openStore(paths, { ...DEFAULT_LIMITS, ...project.cache }, request.emit);
  if (!local.ok || !project.shared || request.remote === 'off') return local;
  return parts.shareStore(local.value, project.shared, request);
}

/** The names of the layers that have to run. A base is never forced: its content is fixed by its digests. */
function forcedNodes(graph: Graph, force: Selection['force']): Result<ReadonlySet<string>> {
  const names = graph.nodes.filter(isLayer).map((node) => node.name);
  if (force === 'all') return ok(new Set(names));
  const forced = new Set<string>();
  for (const wanted of force) {
    const found = findLayer(wanted, names);
    if (!found.ok) return found;
    forced.add(found.value);
  }
  return ok(forced);
}

/** Reads all inputs once; what is returned gives the recipe of each node over any parent. */
async function readRecipes(
  graph: Graph,
  complete: boolean,
  paths: ProjectPaths,
  {
    refreshes,
    ...inputs
  }: Omit<BaseInputs, 'name' | 'directory' | 'index' | 'refresh'> & {
    /** Whether what a base reads from other machines is read again. */
    readonly refreshes: (base: string) => boolean;
  },
): Promise<Result<RecipeOf>> {
  const manifests = new Map<string, string>();
  const bases = new Map<string, string>();
  try {
    const index = StatIndex.load(paths.statIndex);
    const reader = createManifestReader(paths.project, index, inputs.loadHasher);
    for (const node of graph.nodes) {
      if (!isLayer(node)) {
        const { name } = node;
        const recipe = await baseKindOf(node.base).recipe({
          ...inputs,
          name,
          directory: paths.project,
          index,
          refresh: refreshes(name),
        });
        if (!recipe.ok) return recipe;
        bases.set(name, recipe.value);
      } else {
        const manifest = await reader.read(node.layer);
        if (!manifest.ok) return { ok: false, failure: locateAtHint(node.layer, manifest.failure) };
        manifests.set(node.name, manifest.value);
      }
    }
    index.save(complete);
  } catch (error) {
    return cannotWriteState(paths, paths.state, error);
  }
  return ok((node: Node, known: ReadonlyMap<string, Identity>) => {
    if (!isLayer(node)) return bases.get(node.name);
    const lineage = lineageOf(node, known);
    return lineage && layerRecipe(node.layer, manifests.get(node.name) ?? '', lineage);
  });
}

function isListed(base: Base | undefined): boolean {
  return base !== undefined && baseKindOf(base).isListed;
}
