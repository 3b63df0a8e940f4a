// docs/openapi.json: made by bin/docs.mjs from the routes.

import * as v from 'valibot';
import { FAILURE } from './jobs/job.ts';
import { openApi } from './openapi.ts';
import { routesFor } from './routes/table.ts';

/** The OpenAPI document as text. It is the same for all servers. */
export function openApiPage(): string {
  const door = {
    scheme: 'http',
    hosts: new Set<string>(),
    allAddresses: false,
    port: 8080,
    token: '',
    trustHeader: undefined,
    readOnly: false,
  } as const;
  return `${JSON.stringify(openApi(routesFor(door), FAILURE, v.strictObject), undefined, 2)}\n`;
}
