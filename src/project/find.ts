// Finds the project directory when none is given, by searching upwards as git and cargo do.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { namesIn } from '../util/fs.ts';
import { CONFIG_FILE } from './config/config.ts';

/**
 * The nearest directory that is a project (it has a vlb.yaml or layers), starting with this one and going up. If there is
 * none, this directory itself; loading it then reports what is missing.
 * @param from absolute path
 */
export function findProject(from: string): string {
  if (existsSync(path.join(from, 'layers'))) return from; // a new project may have no layers yet
  for (let directory = from; ; directory = path.dirname(directory)) {
    if (isProject(directory)) return directory;
    if (directory === path.dirname(directory)) return from;
  }
}

/** Whether a directory has a vlb.yaml or layers, valid or not. */
export function isProject(directory: string): boolean {
  if (existsSync(path.join(directory, CONFIG_FILE)) || hasLayers(path.join(directory, 'layers'))) return true;
  // The contents of layers/ belong to the project above it.
  return path.basename(directory) !== 'layers' && hasLayers(directory);
}

/** Whether there are layers with a script: a directory with a subdirectory 2024_photos is not a project. */
function hasLayers(directory: string): boolean {
  return namesIn(directory).some(
    (name) =>
      /^\d{2,}_/.test(name) &&
      namesIn(path.join(directory, name)).some(
        (file) =>
          ['build-layer', 'modify-disk', 'boot-layer', 'layer.yaml'].includes(file) || file.endsWith('.ks'),
      ),
  );
}
