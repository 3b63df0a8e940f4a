// The OpenAPI document: what docs/ has is what the server answers, and it describes what an OpenAPI document has to.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { openApiPage } from '../../../src/serve/openapi-page.ts';
import { REPOSITORY } from '../../rig/project.ts';

test('docs/openapi.json is made from the routes (npm run docs)', () => {
  assert.equal(readFileSync(path.join(REPOSITORY, 'docs/openapi.json'), 'utf8'), openApiPage());
});

interface Operation {
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content: Content }>>;
}
type Content = Readonly<Record<string, { readonly schema: object }>>;

test('each operation names the parameters of its path, and its schemas are valid', () => {
  const document: { paths: Record<string, Record<string, Operation>>; components: object } = JSON.parse(
    openApiPage(),
  );
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema({ $id: 'document', components: document.components });
  for (const [route, operations] of Object.entries(document.paths)) {
    for (const { parameters, requestBody, responses } of Object.values(operations)) {
      const named = parameters.filter((one) => one.in === 'path').map(({ name }) => `{${name}}`);
      assert.deepEqual(route.match(/\{\w+\}/g) ?? [], named);
      const contents = [...(requestBody ? [requestBody] : []), ...Object.values(responses)];
      for (const { schema } of contents.flatMap(({ content }) => Object.values(content))) {
        assert.ok('$ref' in schema || ajv.compile(schema), route);
      }
    }
  }
});
