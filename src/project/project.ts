// A directory on disk → a Project: its layers in order, its configuration, where its files go.

import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Result } from '../model/failure.ts';
import { ok } from '../model/failure.ts';
import type { Platform } from '../model/platform.ts';
import type { SharedCacheConfig } from '../model/ports/shared-cache.ts';
import type { CacheLimits } from '../model/ports/store-upkeep.ts';
import type { Base, Layer, NamedImage } from '../model/project.ts';
import { loadConfig } from './config/config.ts';
import { discoverLayers } from './layers/discover.ts';

export interface Project {
  /** Absolute path of the project's directory. */
  readonly directory: string;
  /** In the order of their numbers. */
  readonly layers: readonly Layer[];
  readonly base: Base | undefined;
  /** What vlb.yaml says of the store's limits. */
  readonly cache: Partial<CacheLimits>;
  /** The cache that several machines share, where vlb.yaml has one. */
  readonly shared: SharedCacheConfig | undefined;
  /** The images that vlb.yaml names, besides the one that every project has. */
  readonly images: readonly NamedImage[];
  /** The NoCloud seed for test boots, where the project has one. */
  readonly seedDirectory: string | undefined;
}

/**
 * Reads a project. Fails as `usage`, naming file and line, when anything in it is wrong.
 * @param directory absolute path
 * @param platform the one that layers are built for
 */
export async function loadProject(directory: string, platform: Platform): Promise<Result<Project>> {
  const config = await loadConfig(directory);
  if (!config.ok) return config;
  const layers = discoverLayers(directory, platform);
  if (!layers.ok) return layers;
  const seed = path.join(directory, 'test-boot');
  return ok({
    directory,
    layers: layers.value,
    base: config.value.base,
    cache: config.value.cache ?? {},
    shared: config.value.shared,
    images: config.value.images ?? [],
    seedDirectory: existsSync(seed) ? seed : undefined,
  });
}

/** Where a project keeps what vlb makes. All absolute. */
export interface ProjectPaths {
  readonly project: string;
  readonly build: string;
  readonly state: string;
  readonly store: string;
  readonly statIndex: string;
  readonly runs: string;
  /** The logs of layers' runs. */
  readonly logs: string;
  /** The disks of layers that failed. */
  readonly failed: string;
}

/**
 * The paths of a project's outputs and state.
 * @param cacheDirectory moves the store away from the project (`--cache-dir`, VLB_CACHE_DIR)
 */
export function projectPaths(directory: string, cacheDirectory?: string): ProjectPaths {
  const state = path.join(directory, '.vlb');
  return {
    project: directory,
    build: path.join(directory, 'build'),
    state,
    store: cacheDirectory ?? path.join(state, 'store'),
    statIndex: path.join(state, 'stat-index'),
    runs: path.join(state, 'runs'),
    logs: path.join(state, 'logs'),
    failed: path.join(state, 'failed'),
  };
}
