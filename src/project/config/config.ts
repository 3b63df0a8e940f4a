// Loads vlb.yaml, the project's configuration, if there is one, and the files that it includes.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../../model/failure.ts';
import type { Config } from './read.ts';

export const CONFIG_FILE = 'vlb.yaml';

/** The project's configuration, empty without a vlb.yaml. Fails as `usage`, with file, line and field, when it is invalid. */
export async function loadConfig(projectDirectory: string): Promise<Result<Config>> {
  const file = path.join(projectDirectory, CONFIG_FILE);
  if (!existsSync(file)) return ok({});
  const { readConfig } = await import('./read.ts');
  return readConfig(file);
}

/** Absolute paths of the files that the configuration is read from: vlb.yaml and what it includes, there or not. */
export async function configFiles(projectDirectory: string): Promise<readonly string[]> {
  const { filesOf } = await import('./read.ts');
  return filesOf(path.join(projectDirectory, CONFIG_FILE));
}
