// The composition root: the only place that names implementations of the ports.

import path from 'node:path';
import type { Context } from '../execute/run-context.ts';
import { fuseBackend } from '../host/attach/fuse.ts';
import { nbdBackend } from '../host/attach/nbd.ts';
import { bootId, ownerIsAlive, ownerName } from '../host/process/owner.ts';
import { quoteForReading } from '../host/process/run.ts';
import { linuxHost } from '../host/system/host.ts';
import { findLayer } from '../plan/find-layer.ts';
import { buildGraph, graphUpTo } from '../plan/graph.ts';
import { type ImageLayers, imageLayers } from '../plan/images.ts';

export { runLine } from '../host/process/run.ts';

import type { Artifact } from '../model/artifact.ts';
import type { Emit } from '../model/event.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import type { Graph, Node } from '../model/graph.ts';
import type { Plan } from '../model/plan.ts';
import type { SharedAccess } from '../model/ports/shared-cache.ts';
import type { InPlace, Store } from '../model/ports/store.ts';
import { DEFAULT_LIMITS } from '../model/ports/store-upkeep.ts';
import { baseRecipe, belowOf, layerRecipe } from '../plan/key.ts';
import { makePlan, type RecipeOf } from '../plan/plan.ts';
import { findProject } from '../project/find.ts';
import { baseContent } from '../project/inputs/base-content.ts';
import { atHint, checkBindSources } from '../project/inputs/bind-sources.ts';
import { type LoadHasher, lazyFileHasher } from '../project/inputs/hash.ts';
import { createManifestReader } from '../project/inputs/manifest.ts';
import { StatIndex } from '../project/inputs/stat-index.ts';
import { parseParams, withParams } from '../project/layers/params.ts';
import { givenSecrets } from '../project/layers/secrets.ts';
import { loadProject, type Project, type ProjectPaths, projectPaths } from '../project/project.ts';
import { untilTaken } from '../report/terminal/output-drained.ts';
import { evictionNotes } from '../report/text/cache.ts';
import { openInPlace } from '../store/in-place/in-place.ts';
import { openLocalStore } from '../store/local/local-store.ts';
import { takeLock } from '../store/locks/lock.ts';
import { systemError } from '../util/errors.ts';

export interface WireOptions {
  /** Absolute path of the project. */
  readonly directory: string;
  readonly cacheDirectory: string | undefined;
  /** How the shared cache of vlb.yaml is used. */
  readonly remote: SharedAccess;
  /** Whether what comes from there is flushed: a command that does nothing but fetch leaves nothing to a power cut. */
  readonly flushFetched?: boolean;
  readonly nbd: readonly string[];
  /** Only these layers (or the images of vlb.yaml by their names) and what they need; all when there are none. */
  readonly targets: readonly string[];
  /** `NAME=VALUE` each. */
  readonly params: readonly string[];
  /** `NAME=FILE` or `NAME` each. */
  readonly secrets: readonly string[];
  /** The layers to run whatever the store has: all, or those named. */
  readonly force: 'all' | readonly string[];
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface Wired {
  readonly plan: Plan;
  /** The images that vlb.yaml names. */
  readonly images: ImageLayers;
  readonly recipeOf: RecipeOf;
  readonly context: Context;
}

export interface ProjectLock extends Disposable {
  /** Whether another build was waited for. */
  readonly waited: boolean;
}

/**
 * The right to build in a project, which one vlb has at a time, as cargo has it for its target directory: what is in
 * place, and the uncached artifacts that only the project knows of, would change under the other otherwise.
 */
export async function lockProject(
  options: Pick<WireOptions, 'directory' | 'emit' | 'signal'>,
): Promise<Result<ProjectLock>> {
  let waited = false;
  const file = path.join(projectPaths(options.directory).state, 'lock');
  const onWait = (owner: string) => {
    waited = true;
    options.emit({
      type: 'note',
      message: `waiting for process ${owner.split('-', 1)[0]}, which is building this project`,
    });
  };
  try {
    const lock = await takeLock({ ...options, file, owner: ownerName(), isAlive: ownerIsAlive, onWait });
    return lock ? ok({ ...lock, waited }) : fail('interrupted', 'waiting for another build was interrupted');
  } catch (error) {
    const { message } = systemError(error);
    return fail('host', `the state of the project cannot be written: ${message}`, { where: { file } });
  }
}

export interface WiredLogs {
  /** The names of the layers, in their order. */
  readonly layers: readonly string[];
  readonly paths: ProjectPaths;
  readonly store: Store;
  readonly inPlace: InPlace;
  readonly isAlive: (owner: string) => boolean;
}

/** What it takes to find a layer's log: no plan, and no input is read. */
export async function wireLogs(
  options: Pick<WireOptions, 'directory' | 'cacheDirectory'>,
): Promise<Result<WiredLogs>> {
  const project = await loadProject(options.directory);
  if (!project.ok) return project;
  const paths = projectPaths(options.directory, options.cacheDirectory);
  const store = openStore(paths, project.value, () => {});
  if (!store.ok) return store;
  return ok({
    layers: project.value.layers.map((layer) => layer.name),
    paths,
    store: store.value,
    inPlace: openInPlace({
      ...paths,
      artifacts: store.value.artifactDirectory,
      drop: (names) => store.value.drop(names),
    }),
    isAlive: ownerIsAlive,
  });
}

function openStore(paths: ProjectPaths, project: Project, emit: Emit): Result<Store> {
  const limits = { ...DEFAULT_LIMITS, ...project.cache };
  const note = (message: string) => emit({ type: 'note', message });
  return openLocalStore({
    directory: paths.store,
    owner: ownerName(),
    isAlive: ownerIsAlive,
    bootId,
    onDamage: note,
    project: paths,
    limits,
    onEvict: (evicted) => evictionNotes(evicted, limits).forEach(note),
  });
}

/** The store with the project's shared cache behind it. Most have none, and its code takes longer to load than any other here. */
async function withShared(
  local: Store,
  { shared }: Project,
  options: Pick<WireOptions, 'remote' | 'flushFetched' | 'emit' | 'signal'>,
): Promise<Result<Store>> {
  if (!shared || options.remote === 'off') return ok(local);
  const { shareStore } = await import('./wire-shared.ts');
  return shareStore(local, shared, options);
}

/** From a project to a plan, and the context in which it can be executed. */
export async function wireBuild(project: Project, options: WireOptions): Promise<Result<Wired>> {
  const given = parseParams(options.params);
  if (!given.ok) return given;
  const layers = withParams(project.layers, given.value);
  if (!layers.ok) return layers;
  const secrets = givenSecrets(options.secrets, layers.value, process.env);
  if (!secrets.ok) return secrets;
  const paths = projectPaths(options.directory, options.cacheDirectory);
  const sources = checkBindSources(layers.value, paths);
  if (!sources.ok) return sources;
  const whole = buildGraph(layers.value, project.base);
  if (!whole.ok) return whole;
  const images = imageLayers(project.images, whole.value);
  if (!images.ok) return images;
  const layerOf = (name: string) => images.value.get(name) ?? name;
  const targets = options.targets.map(layerOf);
  const graph = targets.length === 0 ? whole : graphUpTo(whole.value, targets);
  if (!graph.ok) return graph;

  const local = openStore(paths, project, options.emit);
  if (!local.ok) return local;
  const store = await withShared(local.value, project, options);
  if (!store.ok) return store;
  const inPlace = openInPlace({
    ...paths,
    artifacts: store.value.artifactDirectory,
    drop: (names) => store.value.drop(names),
  });
  const loadHasher = lazyFileHasher();
  const recipes = await readRecipes(
    graph.value,
    options.directory,
    paths.statIndex,
    loadHasher,
    targets.length === 0,
  );
  if (!recipes.ok) return recipes;
  const forced = forcedNodes(graph.value, options.force === 'all' ? 'all' : options.force.map(layerOf));
  if (!forced.ok) return forced;
  const plan = await makePlan(graph.value, recipes.value, store.value, inPlace, (node) =>
    forced.value.has(node.name),
  );
  return ok({
    plan,
    images: images.value,
    recipeOf: recipes.value,
    context: {
      host: linuxHost(options.nbd.length > 0 ? nbdBackend(options.nbd) : fuseBackend),
      store: store.value,
      inPlace,
      paths,
      loadHasher,
      secrets: secrets.value,
      emit: options.emit,
      untilTaken: () => untilTaken(options.signal),
      lookInside: (layer) => lookInside(layer, options),
      signal: options.signal,
      owner: ownerName(),
    },
  });
}

/** With what was said on this command line, as far as a shell has to be told it too. */
function lookInside(layer: string, { directory, cacheDirectory, nbd, params }: WireOptions): string {
  const isElsewhere = cacheDirectory !== undefined && !process.env['VLB_CACHE_DIR'];
  return [
    'vlb',
    ...(directory === findProject(process.cwd()) ? [] : ['-C', path.relative(process.cwd(), directory)]),
    'shell',
    ...(isElsewhere ? ['--cache-dir', cacheDirectory] : []),
    ...nbd.flatMap((device) => ['--nbd', device]),
    ...params.flatMap((param) => ['-p', param]),
    '--failed',
    layer,
  ]
    .map(quoteForReading)
    .join(' ');
}

/** The names of the layers that have to run. A base is never forced: its content is fixed. */
function forcedNodes(graph: Graph, force: WireOptions['force']): Result<ReadonlySet<string>> {
  const names = graph.nodes.filter((node) => node.type === 'layer').map((node) => node.name);
  if (force === 'all') return ok(new Set(names));
  const forced = new Set<string>();
  for (const wanted of force) {
    const found = findLayer(wanted, names);
    if (!found.ok) return found;
    forced.add(found.value);
  }
  return ok(forced);
}

/** Reads all inputs once; what comes back gives the recipe of each node over any parent. */
async function readRecipes(
  graph: Graph,
  directory: string,
  indexFile: string,
  loadHasher: LoadHasher,
  complete: boolean,
): Promise<Result<RecipeOf>> {
  const manifests = new Map<string, string>();
  let base = '';
  try {
    const index = StatIndex.load(indexFile);
    const reader = createManifestReader(directory, index, loadHasher);
    for (const node of graph.nodes) {
      if (node.type === 'base') {
        const content = await baseContent(node.base, directory, index, loadHasher);
        if (!content.ok) return content;
        base = baseRecipe(content.value);
      } else {
        const manifest = await reader.read(node.layer);
        if (!manifest.ok) return { ok: false, failure: atHint(node.layer, manifest.failure) };
        manifests.set(node.name, manifest.value);
      }
    }
    index.save(complete);
  } catch (error) {
    const { message } = systemError(error);
    return fail('host', `the state of the project cannot be written: ${message}`, {
      where: { file: path.dirname(indexFile) },
    });
  }
  return ok((node: Node, known: ReadonlyMap<string, Artifact>) => {
    if (node.type === 'base') return base;
    const below = belowOf(node, known);
    return below && layerRecipe(node.layer, manifests.get(node.name) ?? '', below);
  });
}
