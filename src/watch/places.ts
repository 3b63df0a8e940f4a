// The files to watch: everything that the next plan of a project depends on, and nothing that vlb writes.

import path from 'node:path';
import { baseKindOf } from '../kinds/registry.ts';
import { SEED_DIRECTORY } from '../model/ports/booter.ts';
import { CONFIG_FILE } from '../project/config/config.ts';
import { IGNORE_FILE } from '../project/inputs/ignore.ts';
import { inputRoots } from '../project/inputs/walk.ts';
import type { Project } from '../project/project.ts';
import { isDirectory, isFile, realPathOrSame } from '../util/fs.ts';
import { commitPlaces } from './git.ts';

export interface Places {
  /** Existing directories that contain all that is watched, possibly in subdirectories which do not exist yet. */
  readonly roots: readonly string[];
  /** Whether to watch a file: one of the places, a file in it, or a directory on the path to it. */
  allows(file: string): boolean;
  /** The places to print, relative to the project. */
  readonly shown: readonly string[];
  /** Equal for equal places. */
  readonly id: string;
}

const LAYER = /^\d{2,}_/;

/**
 * The places of a project: where layers are or may be created, sources of bind mounts, vlb.yaml and what it includes, each
 * .vlbignore, the bases, git's commit, which steps may name, and with checks of images the seed of test boots.
 * @param project as last loaded
 */
export function placesOf(project: Project): Places {
  const { directory, layers, bases, images } = project;
  const baseFiles = [...bases.values()].flatMap((base) => baseKindOf(base).files);
  const inputs = layers.flatMap((layer) => inputRoots(layer).map((root) => root.source));
  const configs = [path.join(directory, CONFIG_FILE), ...project.included];
  const seeds = images.some(({ checks }) => checks) ? [path.join(directory, SEED_DIRECTORY)] : [];
  const commit = layers.some(({ steps }) => steps) ? commitPlaces(directory) : [];
  const named = [...seeds, path.join(directory, 'layers'), ...inputs, ...baseFiles, ...configs, ...commit];
  // Both the link and its target: either can change without the other.
  const trees = unique([...named, ...named.map(realPathOrSame)]);
  const files = new Set(inputs.flatMap((place) => ignoreFiles(place, directory)));
  const roots = new Set([directory]);
  const leading = new Set([directory]);
  for (const place of [...trees, ...files]) {
    let at = path.dirname(place);
    for (; !isDirectory(at); at = path.dirname(at)) leading.add(at);
    // Directories on the path may be removed, too.
    if (isWithin(at, directory)) for (; at !== directory; at = path.dirname(at)) leading.add(at);
    leading.add(at);
    roots.add(at);
  }
  const own = (file: string) => path.relative(directory, file).split('/', 1)[0] ?? '';
  return {
    roots: [...roots],
    allows: (file) =>
      leading.has(file) ||
      files.has(file) ||
      trees.some((tree) => isWithin(file, tree)) ||
      (isWithin(file, directory) && LAYER.test(own(file))),
    shown: shownOf(project, baseFiles, configs),
    id: JSON.stringify([[...roots], trees, [...files]]),
  };
}

/** One place for all layers of a directory. */
function shownOf(
  project: Project,
  baseFiles: readonly string[],
  configs: readonly string[],
): readonly string[] {
  const { directory, layers } = project;
  const parents = layers.map((layer) => path.dirname(layer.directory));
  const binds = layers.flatMap((layer) =>
    inputRoots(layer)
      .slice(1)
      .map((root) => root.source),
  );
  const places = [...parents, ...binds, ...baseFiles, ...configs.filter(isFile)];
  return unique(places).map((place) => path.relative(directory, place) || '.');
}

/** The .vlbignore files of a place's parent directories in the project. Those in the place itself are watched with it. */
function ignoreFiles(place: string, directory: string): readonly string[] {
  if (place === directory || !isWithin(place, directory)) return [];
  const above = path.dirname(place);
  return [path.join(above, IGNORE_FILE), ...ignoreFiles(above, directory)];
}

function isWithin(file: string, directory: string): boolean {
  return file === directory || file.startsWith(directory === '/' ? '/' : `${directory}/`);
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}
