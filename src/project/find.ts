// Which directory is the project, when nobody says: as git and cargo look for theirs.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { namesIn } from '../util/fs.ts';
import { CONFIG_FILE } from './config/config.ts';

/**
 * The nearest directory, this one or above it, that is a project: it has a vlb.yaml, or layers. Without one, this directory
 * itself: what it lacks is told by whoever reads it.
 * @param from absolute path
 */
export function findProject(from: string): string {
  if (existsSync(path.join(from, 'layers'))) return from; // one that is being begun may have no layer yet
  for (let directory = from; ; directory = path.dirname(directory)) {
    if (isProject(directory)) return directory;
    if (directory === path.dirname(directory)) return from;
  }
}

/** Whether a directory has layers, right or wrong, or a vlb.yaml. */
export function isProject(directory: string): boolean {
  if (existsSync(path.join(directory, CONFIG_FILE)) || hasLayers(path.join(directory, 'layers'))) return true;
  // What stands in layers/ is that of the project above it.
  return path.basename(directory) !== 'layers' && hasLayers(directory);
}

/** Layers that have a script: directories called 2024_photos are no project. */
function hasLayers(directory: string): boolean {
  return namesIn(directory).some(
    (name) =>
      /^\d{2,}_/.test(name) &&
      ['build-layer', 'modify-disk'].some((script) => existsSync(path.join(directory, name, script))),
  );
}
