// All routes of the API.

import type { Door } from '../access/who-may.ts';
import { CONSOLE_ROUTES } from './consoles.ts';
import { EXPORT_ROUTES } from './exports.ts';
import { JOB_ROUTES } from './jobs.ts';
import { LAYER_ROUTES } from './layers.ts';
import { MACHINE_ROUTES } from './machines.ts';
import { PROJECT_ROUTES } from './project.ts';
import type { Route } from './route.ts';
import { sessionRoutes } from './session.ts';
import { STORE_ROUTES } from './store.ts';

export function routesFor(door: Door): readonly Route[] {
  return [
    ...sessionRoutes(door),
    ...PROJECT_ROUTES,
    ...LAYER_ROUTES,
    ...JOB_ROUTES,
    ...EXPORT_ROUTES,
    ...STORE_ROUTES,
    ...MACHINE_ROUTES,
    ...CONSOLE_ROUTES,
  ];
}
