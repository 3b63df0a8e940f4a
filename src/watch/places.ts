// What has to be watched: everything by which a project's next plan could be another one, and nothing that vlb writes.

import path from 'node:path';
import { CONFIG_FILE } from '../project/config/config.ts';
import { IGNORE_FILE } from '../project/inputs/ignore.ts';
import { inputRoots } from '../project/inputs/walk.ts';
import type { Project } from '../project/project.ts';
import { isDirectory, isFile, realPathOrSame } from '../util/fs.ts';

export interface Places {
  /** Directories that are there: what is watched is in them, or in directories below that may be there or not yet. */
  readonly roots: readonly string[];
  /** Whether something is to be watched: one of the places, what is in it, or a directory that leads there. */
  allows(file: string): boolean;
  /** What the person is told. */
  readonly shown: readonly string[];
  /** The same for the same places. */
  readonly id: string;
}

const LAYER = /^\d{2,}_/;

/**
 * The places of a project: where layers are and may come to be, bind mounts' sources, vlb.yaml, each .vlbignore, the base.
 * @param project as it was read last
 */
export function placesOf(project: Project): Places {
  const { directory, layers, base } = project;
  const inputs = layers.flatMap((layer) => inputRoots(layer).map((root) => root.source));
  const basePath = base?.type === 'file' ? [base.path] : [];
  const config = path.join(directory, CONFIG_FILE);
  const named = [path.join(directory, 'layers'), ...inputs, ...basePath, config];
  // A link leads elsewhere without a change of its own, and what it leads to changes without one of the link.
  const trees = unique([...named, ...named.map(realPathOrSame)]);
  const files = new Set(inputs.flatMap((place) => ignoreFiles(place, directory)));
  const roots = new Set([directory]);
  const leading = new Set([directory]);
  for (const place of [...trees, ...files]) {
    let at = path.dirname(place);
    for (; !isDirectory(at); at = path.dirname(at)) leading.add(at);
    // From there on it may be taken away as well.
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
    shown: shownOf(project, basePath, config),
    id: JSON.stringify([[...roots], trees, [...files]]),
  };
}

/** The layers' own directories are told as the one they are in. */
function shownOf(project: Project, base: readonly string[], config: string): readonly string[] {
  const { directory, layers } = project;
  const parents = layers.map((layer) => path.dirname(layer.directory));
  const binds = layers.flatMap((layer) =>
    inputRoots(layer)
      .slice(1)
      .map((root) => root.source),
  );
  const places = [...parents, ...binds, ...base, ...(isFile(config) ? [config] : [])];
  return unique(places).map((place) => path.relative(directory, place) || '.');
}

/** Those above a place, in the project: outside of it they do not count, and those in the place are watched with it. */
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
