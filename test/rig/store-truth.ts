// What a store holds, read without the store's own code: every record and every byte.

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { artifactFile, mainDisk } from '../../src/model/artifact.ts';
import { parseRecord } from '../../src/model/record.ts';

/** What is wrong with a store: records that are none, and artifacts that are not what their records say. */
export function damages(store: string): string[] {
  const [keys, artifacts] = [path.join(store, 'keys'), path.join(store, 'sha256')];
  const found: string[] = [];
  const digestOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
  for (const name of existsSync(keys) ? readdirSync(keys) : []) {
    if (!name.endsWith('.json')) continue;
    const record = parseRecord(readFileSync(path.join(keys, name), 'utf8'));
    if (record?.key !== path.basename(name, '.json')) found.push(`the record ${name} is none`);
    else {
      const file = path.join(artifacts, artifactFile(record.artifact));
      if (!existsSync(file)) found.push(`${record.layer} is gone`);
      else if (digestOf(file) !== mainDisk(record.artifact).digest)
        found.push(`${record.layer} is not what it was`);
    }
  }
  return found;
}

/** The files of the records of a layer. */
export function recordsOf(store: string, layer: string): string[] {
  const keys = path.join(store, 'keys');
  return readdirSync(keys)
    .map((name) => path.join(keys, name))
    .filter((file) => file.endsWith('.json') && parseRecord(readFileSync(file, 'utf8'))?.layer === layer);
}
