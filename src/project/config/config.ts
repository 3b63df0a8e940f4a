// Loads vlb.yaml, the project's configuration, if there is one.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../../model/failure.ts';
import { checkEncoding } from '../inputs/encoding.ts';
import { LARGEST_TEXT, readFile } from '../inputs/read-file.ts';
import type { Config } from './read.ts';

export const CONFIG_FILE = 'vlb.yaml';

/** The project's configuration, empty without a vlb.yaml. Fails as `usage`, with file, line and field, when it is invalid. */
export async function loadConfig(projectDirectory: string): Promise<Result<Config>> {
  const file = path.join(projectDirectory, CONFIG_FILE);
  if (!existsSync(file)) return ok({});
  const read = readFile(file, { what: CONFIG_FILE, atMost: LARGEST_TEXT });
  if (!read.ok) return read;
  const encoded = checkEncoding(read.value, file, CONFIG_FILE);
  if (!encoded.ok) return encoded;
  const { readConfig } = await import('./read.ts');
  return readConfig(read.value.toString(), file);
}
