// vlb.yaml: the project's configuration, where there is one.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../model/failure.ts';
import type { Config } from './config-parser.ts';

export const CONFIG_FILE = 'vlb.yaml';

/** The project's configuration; an absent vlb.yaml is an empty one. Fails as `usage` with file, line and field. */
export async function loadConfig(projectDirectory: string): Promise<Result<Config>> {
  const file = path.join(projectDirectory, CONFIG_FILE);
  if (!existsSync(file)) return ok({});
  const { parseConfig } = await import('./config-parser.ts');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // node's fs throws nothing else
    return fail('usage', `${CONFIG_FILE} cannot be read (${code})`, { where: { file } });
  }
  return parseConfig(text, file);
}
