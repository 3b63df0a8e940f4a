// Turns a directory on disk into a Project: its layers in order, its configuration, and the paths of its files.

import path from 'node:path';
import type { Result } from '../model/failure.ts';
import { ok } from '../model/failure.ts';
import type { Platform } from '../model/platform.ts';
import type { BackendChoice, BackendName } from '../model/ports/machine.ts';
import type { SharedCacheConfig } from '../model/ports/shared-cache.ts';
import type { CacheLimits } from '../model/ports/store-upkeep.ts';
import type { Bases, Layer, NamedImage, ProjectNote } from '../model/project.ts';
import { canonicalPath } from '../util/fs.ts';
import { loadConfig } from './config/config.ts';
import type { NamedMachine } from './config/machines.ts';
import { discoverLayers } from './layers/discover.ts';
import { overlooked } from './layers/overlooked.ts';

/** The name of the base that vlb.yaml gives no name: `base:`. */
const BASE_NAME = 'base';

export interface Project {
  /** Absolute path of the project's directory. */
  readonly directory: string;
  /** Sorted by number. */
  readonly layers: readonly Layer[];
  readonly bases: Bases;
  /** The store's limits as set in vlb.yaml. */
  readonly cache: Partial<CacheLimits>;
  /** The shared cache, if vlb.yaml configures one. */
  readonly shared: SharedCacheConfig | undefined;
  /** What runs layers, if vlb.yaml says so. */
  readonly backend?: BackendName | undefined;
  /** The virtual machine of the backend `vm`, as far as vlb.yaml describes it. */
  readonly vm?: BackendChoice['vm'];
  /** The images that vlb.yaml declares, in addition to the default one. */
  readonly images: readonly NamedImage[];
  readonly machines: readonly NamedMachine[];
  /** Absolute paths of the files that vlb.yaml includes. */
  readonly included: readonly string[];
  /** What may not be as the user means it, although it is valid. */
  readonly notes: readonly ProjectNote[];
}

/**
 * Reads a project. Fails as `usage`, with file and line, when its configuration or one of its layers is invalid.
 * @param directory absolute path
 * @param platform the one that layers are built for
 */
export async function loadProject(directory: string, platform: Platform): Promise<Result<Project>> {
  const config = await loadConfig(directory);
  if (!config.ok) return config;
  const layers = await discoverLayers(directory, platform);
  if (!layers.ok) return layers;
  const { base } = config.value;
  return ok({
    directory,
    layers: layers.value,
    bases: new Map(base === undefined ? [] : [[BASE_NAME, base]]),
    cache: config.value.cache ?? {},
    shared: config.value.shared,
    backend: config.value.backend,
    vm: config.value.vm,
    images: config.value.images ?? [],
    machines: config.value.machines ?? [],
    included: config.value.included ?? [],
    notes: [
      ...overlooked(directory),
      ...layers.value.flatMap(({ directory: layer, kind, hints }) =>
        (hints.misplaced ?? []).map((note) => ({ file: path.join(layer, kind), ...note })),
      ),
    ],
  });
}

/** Where a project keeps its outputs and state. All paths are absolute. */
export interface ProjectPaths {
  readonly project: string;
  readonly build: string;
  readonly state: string;
  readonly store: string;
  readonly statIndex: string;
  readonly runs: string;
  /** Logs of script runs, one per layer. */
  readonly logs: string;
  /** Disks of failed layers. */
  readonly failed: string;
}

/**
 * The paths of a project's outputs and state. The project itself, or what is in it, may be reached through symbolic links.
 * They are followed here, once: the kernel gives the paths of mounts and loop devices without them.
 * @param cacheDirectory where the store is, if not inside the project (`--cache-dir`, VLB_CACHE_DIR)
 * @param stateDirectory where `.vlb` and `build` are, if not inside the project (VLB_STATE_DIR)
 */
export function projectPaths(
  directory: string,
  cacheDirectory?: string,
  stateDirectory?: string,
): ProjectPaths {
  const project = canonicalPath(directory);
  const own = stateDirectory === undefined ? project : canonicalPath(stateDirectory);
  const state = canonicalPath(path.join(own, '.vlb'));
  return {
    project,
    build: path.join(own, 'build'),
    state,
    store: canonicalPath(cacheDirectory ?? path.join(state, 'store')),
    statIndex: path.join(state, 'stat-index'),
    runs: canonicalPath(path.join(state, 'runs')),
    logs: path.join(state, 'logs'),
    failed: path.join(state, 'failed'),
  };
}
