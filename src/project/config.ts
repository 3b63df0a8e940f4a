// vlb.yaml: the project's configuration, where there is one.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../model/failure.ts';
import type { Base } from '../model/layer.ts';

export interface Config {
  readonly base?: Base;
}

export const CONFIG_FILE = 'vlb.yaml';

/** The project's configuration; an absent vlb.yaml is an empty one. Fails as `usage` with file, line and field. */
export async function loadConfig(projectDirectory: string): Promise<Result<Config>> {
  const file = path.join(projectDirectory, CONFIG_FILE);
  if (!existsSync(file)) return ok({});
  const { parseConfig } = await import('./config-parser.ts');
  return parseConfig(readFileSync(file, 'utf8'), file);
}
