// Routes of the store: what it holds, what can go, removing that, and verifying all of it.

import * as v from 'valibot';
import { ok, type Result } from '../../model/failure.ts';
import { type CacheLimits, DEFAULT_LIMITS, type StoreUpkeep } from '../../model/ports/store-upkeep.ts';
import { JOB } from '../jobs/job.ts';
import { listOf, route, type Served } from './route.ts';

const AMOUNT = v.object({ count: v.number(), bytes: v.number() });

const ENTRY = v.object({
  layer: v.optional(v.string()),
  key: v.optional(v.string()),
  digest: v.string(),
  keeping: v.string(),
  bytes: v.number(),
  created: v.string(),
  lastUsed: v.string(),
  inPlace: v.boolean(),
});

const STORE = v.object({
  directory: v.string(),
  artifacts: AMOUNT,
  points: v.pipe(AMOUNT, v.description('cache points')),
  caches: v.pipe(AMOUNT, v.description('cache directories of layers')),
  damaged: AMOUNT,
  total: AMOUNT,
  limits: v.object({
    maxBytes: v.optional(v.number()),
    maxAge: v.pipe(v.optional(v.number()), v.description('seconds')),
  }),
  entries: listOf(ENTRY),
});
export type StoreAnswer = v.InferOutput<typeof STORE>;

const COLLECTED = v.object({
  removed: listOf(ENTRY),
  points: AMOUNT,
  freed: AMOUNT,
  kept: AMOUNT,
  inUse: AMOUNT,
});
export type CollectedAnswer = v.InferOutput<typeof COLLECTED>;

async function open(
  served: Served,
  signal: AbortSignal,
): Promise<Result<{ readonly keeper: StoreUpkeep; readonly limits: CacheLimits }>> {
  const workspace = served.open();
  const project = await workspace.load();
  if (!project.ok) return project;
  const keeper = await workspace.parts.openStoreUpkeep(workspace.paths, signal);
  return ok({ keeper, limits: { ...DEFAULT_LIMITS, ...project.value.cache } });
}

async function collect(served: Served, signal: AbortSignal, dryRun: boolean) {
  const opened = await open(served, signal);
  return opened.ok ? opened.value.keeper.collect(opened.value.limits, { dryRun }) : opened;
}

export const STORE_ROUTES = [
  route({
    method: 'get',
    path: '/api/store',
    summary: 'what the store holds, as vlb store du and ls print it',
    answer: STORE,
    async run({ signal }, served) {
      const opened = await open(served, signal);
      if (!opened.ok) return opened;
      const { keeper, limits } = opened.value;
      const { directory, artifacts, points, caches, damaged, total } = await keeper.usage();
      const entries = await keeper.entries();
      return ok({ directory, artifacts, points, caches, damaged, total, limits, entries });
    },
  }),
  route({
    method: 'get',
    path: '/api/store/gc',
    summary: 'what garbage collection would remove',
    answer: COLLECTED,
    run: ({ signal }, served) => collect(served, signal, true),
  }),
  route({
    method: 'post',
    path: '/api/store/gc',
    summary: 'remove what is over the limits of vlb.yaml, as vlb store gc does',
    writes: true,
    answer: COLLECTED,
    run: ({ signal }, served) => collect(served, signal, false),
  }),
  route({
    method: 'post',
    path: '/api/store/verify',
    summary: 'read the whole store and move damaged entries aside, as vlb store verify does',
    writes: true,
    answer: JOB,
    status: 202,
    run: async ({ user }, { queue }) => queue.add({ kind: 'verify' }, user),
  }),
];
