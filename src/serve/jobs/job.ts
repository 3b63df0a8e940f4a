// A job: a build, an export or a verification of the store that the server was asked for. Its files are in .vlb/serve/jobs/.

import * as v from 'valibot';

/** Words of a command line: names of layers and machines, parameters. */
const WORDS = v.pipe(v.array(v.pipe(v.string(), v.maxLength(4096))), v.maxLength(100), v.readonly());

export const BUILD_ENTRIES = {
  targets: v.pipe(v.optional(WORDS, []), v.description('layers, or images of vlb.yaml; empty for all')),
  params: v.pipe(v.optional(WORDS, []), v.description('NAME=VALUE each')),
  force: v.pipe(
    v.optional(v.boolean(), false),
    v.description('run the targets, or without targets all layers, even if the store has the results'),
  ),
  keepGoing: v.pipe(
    v.optional(v.boolean(), false),
    v.description('after a failure, build all layers that do not depend on the failed one'),
  ),
};

export const EXPORT_ENTRIES = {
  names: v.pipe(v.optional(WORDS, []), v.description('machines, images or layers; empty for all machines')),
  formats: v.pipe(v.optional(WORDS, []), v.description('empty for those that vlb.yaml lists')),
  params: BUILD_ENTRIES.params,
  force: v.pipe(v.optional(v.boolean(), false), v.description('write again what is fresh')),
};

/** Of a request for a job, but not of the job: nothing writes it to a file. */
export const SECRET_ENTRIES = {
  secrets: v.pipe(
    v.optional(v.record(v.string(), v.string()), {}),
    v.description(
      'the values of secrets of layers, by their names; they are kept in memory until the job ends',
    ),
  ),
};

export const JOB_REQUEST = v.variant('kind', [
  v.object({ kind: v.literal('build'), ...BUILD_ENTRIES }),
  v.object({ kind: v.literal('export'), ...EXPORT_ENTRIES }),
  v.object({ kind: v.literal('verify') }),
]);
export type JobRequest = v.InferOutput<typeof JOB_REQUEST>;

export const FAILURE = v.pipe(
  v.looseObject({
    kind: v.picklist(['work', 'usage', 'host', 'interrupted']),
    message: v.string(),
    hint: v.optional(v.string()),
  }),
  v.description('what is wrong, and what to do about it; see docs/events.md'),
);

export const JOB_STATES = ['waiting', 'running', 'done', 'failed', 'cancelled', 'lost'] as const;
export type JobState = (typeof JOB_STATES)[number];

const TIME = v.pipe(v.string(), v.description('ISO 8601'));

export const JOB = v.object({
  id: v.string(),
  request: JOB_REQUEST,
  state: v.pipe(v.picklist(JOB_STATES), v.description('lost: the server was killed while it ran')),
  created: TIME,
  started: v.optional(TIME),
  ended: v.optional(TIME),
  user: v.pipe(v.optional(v.string()), v.description('who asked for it, where a proxy says that')),
  failure: v.optional(FAILURE),
  owner: v.pipe(v.string(), v.description('the process that runs it')),
});
export type Job = v.InferOutput<typeof JOB>;

/** Whether nothing more happens to a job. */
export function hasEnded({ state }: Pick<Job, 'state'>): boolean {
  return state !== 'waiting' && state !== 'running';
}

/** What the identifier of a job looks like: the time, and random digits. It is a file name. */
export const JOB_ID = /^\d{8}T\d{9}-[0-9a-f]{8}$/;
