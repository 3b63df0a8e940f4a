// The OpenAPI document (3.1, https://spec.openapis.org/oas/v3.1.1.html) of the API, made from its routes. Loaded only where it
// is asked for.

import { toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import type { Route } from './routes/route.ts';

/** What toJsonSchema makes of a schema: an object. */
type Schema = Readonly<Record<string, unknown>>;

/** @param strictObject of valibot, and `failure`, the schema of failures: this module has neither of them */
export function openApi(
  routes: readonly Route[],
  failure: v.GenericSchema,
  strictObject: (entries: v.ObjectEntries) => v.GenericSchema,
): Schema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replace('...}', '}');
    paths[path] = { ...paths[path], [route.method]: operation(route, strictObject) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'vlb serve',
      version: '1',
      description:
        'What vlb serve offers to programs. Fields may be added; a field is removed only with a new version.',
    },
    security: [{ token: [] }, { cookie: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'the token that vlb serve prints' },
        cookie: { type: 'apiKey', in: 'cookie', name: 'vlb-8080', description: 'see POST /api/session' },
      },
      schemas: {
        Failure: { type: 'object', required: ['failure'], properties: { failure: schemaOf(failure) } },
      },
    },
  };
}

function operation(
  { path, summary, open, query = {}, body, answer, status }: Route,
  strictObject: (entries: v.ObjectEntries) => v.GenericSchema,
): Schema {
  const inPath = [...path.matchAll(/\{(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query).map(([name, schema]) => ({
    name,
    in: 'query',
    schema: schemaOf(schema as v.GenericSchema), // entries of an object are schemas
  }));
  const content =
    'media' in answer
      ? { [answer.media]: { schema: { type: 'string', description: answer.text } } }
      : { 'application/json': { schema: schemaOf(answer) } };
  return {
    summary,
    ...(open ? { security: [] } : {}),
    parameters: [...inPath, ...inQuery],
    ...(body
      ? { requestBody: { content: { 'application/json': { schema: schemaOf(strictObject(body)) } } } }
      : {}),
    responses: {
      [status ?? 200]: { description: summary, content },
      default: {
        description: 'what is wrong',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Failure' } } },
      },
    },
  };
}

function schemaOf(schema: v.GenericSchema): Schema {
  const { $schema: _draft, ...json } = toJsonSchema(schema, { target: 'draft-2020-12', errorMode: 'ignore' });
  return json;
}
