// The schema of vlb.yaml as JSON Schema, for editors and for docs/configuration.md. Loaded only where it is printed.

import { toJsonSchema } from '@valibot/to-json-schema';
import { CONFIG_SCHEMA } from './schema.ts';

/** The part of JSON Schema that the schema of vlb.yaml uses. */
export interface JsonSchema {
  readonly description?: string | undefined;
  readonly properties?: Readonly<Record<string, JsonSchema | boolean>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly anyOf?: readonly (JsonSchema | boolean)[] | undefined;
}

/** The JSON Schema (draft 2020-12) of vlb.yaml. Rules that JSON Schema cannot express are left out; a build checks them. */
export function configJsonSchema(): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...toJsonSchema(CONFIG_SCHEMA, { target: 'draft-2020-12', errorMode: 'ignore' }),
  };
}
