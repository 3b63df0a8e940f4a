// Routes of jobs: builds and what else takes its time. They are listed, watched and cancelled.

import * as v from 'valibot';
import { fail, ok, type Result } from '../../model/failure.ts';
import { follow, placeOf } from '../jobs/follow.ts';
import { BUILD_ENTRIES, JOB, type Job, SECRET_ENTRIES } from '../jobs/job.ts';
import { Answer, type Call, listOf, notFound, rawRoute, route, type Served } from './route.ts';

/** A comment is sent when nothing was for that long, so that proxies keep the connection. */
const QUIET_MILLISECONDS = 15_000;
/** How many may watch at once. */
const MOST_WATCHERS = 100;

let watchers = 0;

async function events(
  { params, query, header, signal }: Call<typeof PLACE>,
  { queue: { files } }: Served,
): Promise<Result<never> | Answer> {
  const id = params['job'] ?? '';
  if (!files.find(id)) return noJob(id);
  const place = placeOf(header('last-event-id') ?? query.after, files.eventsOf(id));
  if (place === undefined) return notFound('there is no event with this identifier');
  if (watchers >= MOST_WATCHERS)
    return fail('host', `${MOST_WATCHERS} watchers are the most`, { hint: 'close some' });
  const headers = { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' };
  return new Answer({ status: 200, headers, body: stream(id, files, place, signal) });
}

/** Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): the identifier is where the next begins. */
async function* stream(
  id: string,
  files: Served['queue']['files'],
  place: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  watchers++;
  try {
    yield ': events of build jobs, see docs/events.md\n\n';
    let sentAt = performance.now();
    for await (const one of follow(id, files, place, () => watchers, signal)) {
      if ('job' in one) yield `event: end\ndata: ${JSON.stringify(one.job)}\n\n`;
      else if ('lines' in one)
        yield one.lines.map(({ text, end }) => `id: ${end}\ndata: ${text}\n\n`).join('');
      else if (performance.now() - sentAt < QUIET_MILLISECONDS) continue;
      else yield ':\n\n';
      sentAt = performance.now();
    }
  } finally {
    watchers--;
  }
}

const PLACE = {
  after: v.pipe(
    v.optional(v.string()),
    v.description('the identifier of the last event that is known; the header Last-Event-ID counts more'),
  ),
};

function noJob(id: string) {
  return notFound(`no job named "${id}"`);
}

async function find({ params }: Call, { queue }: Served): Promise<Result<Job>> {
  const job = queue.files.find(params['job'] ?? '');
  return job ? ok(job) : noJob(params['job'] ?? '');
}

export const JOB_ROUTES = [
  route({
    method: 'get',
    path: '/api/jobs',
    summary: 'the jobs: those that wait or run, and the last that ended, the newest first',
    answer: listOf(JOB),
    run: async (_call, { queue }) => ok(queue.files.list()),
  }),
  route({ method: 'get', path: '/api/jobs/{job}', summary: 'one job', answer: JOB, run: find }),
  rawRoute({
    method: 'get',
    path: '/api/jobs/{job}/events',
    summary: 'the events of a job, from its beginning or from where a watcher was, until it ends',
    query: PLACE,
    answer: {
      media: 'text/event-stream',
      text: 'events as in docs/events.schema.json; then one of type end, with the job',
    },
    run: events,
  }),
  route({
    method: 'post',
    path: '/api/jobs/{job}/cancel',
    summary: 'cancel a job',
    writes: true,
    answer: JOB,
    async run({ params }, { queue }) {
      const cancelled = queue.cancel(params['job'] ?? '');
      if (!cancelled.ok) return cancelled;
      return cancelled.value ? ok(cancelled.value) : noJob(params['job'] ?? '');
    },
  }),
  route({
    method: 'post',
    path: '/api/builds',
    summary: 'build, as vlb build does',
    writes: true,
    body: { ...BUILD_ENTRIES, ...SECRET_ENTRIES },
    answer: JOB,
    status: 202,
    run: async ({ body: { secrets, ...request }, user }, { queue }) =>
      queue.add({ kind: 'build', ...request }, user, new Map(Object.entries(secrets))),
  }),
];
