// vlb schema: prints the JSON Schemas of what vlb reads and writes.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { PACKAGE_ROOT } from '../package-root.ts';

/** Prints a schema. */
export async function printSchema(subject: 'config' | 'events' | undefined): Promise<void> {
  process.stdout.write(
    subject === 'events' ? eventsSchema() : `${JSON.stringify(await configSchema(), undefined, 2)}\n`,
  );
}

function eventsSchema(): string {
  return readFileSync(path.join(PACKAGE_ROOT, 'docs/events.schema.json'), 'utf8');
}

async function configSchema(): Promise<object> {
  const { configJsonSchema } = await import('../../project/config/json-schema.ts');
  return configJsonSchema();
}
