// vlb schema: prints the JSON Schemas of what vlb reads and writes.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { PACKAGE_ROOT } from '../package-root.ts';

/** Prints a schema. */
export async function printSchema(subject: 'config' | 'layer' | 'events' = 'config'): Promise<void> {
  process.stdout.write(subject === 'events' ? eventsSchema() : textOf(await schemaOf(subject)));
}

function textOf(schema: object): string {
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

function eventsSchema(): string {
  return readFileSync(path.join(PACKAGE_ROOT, 'docs/events.schema.json'), 'utf8');
}

async function schemaOf(subject: 'config' | 'layer'): Promise<object> {
  if (subject === 'layer') return (await import('../../project/steps/json-schema.ts')).layerJsonSchema();
  const { configJsonSchema } = await import('../../project/config/json-schema.ts');
  return configJsonSchema();
}
