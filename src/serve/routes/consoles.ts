// Routes of machines that are tried: booting one, its console, and ending it.

import * as v from 'valibot';
import { ok, type Result } from '../../model/failure.ts';
import type { Running } from '../consoles.ts';
import { planAll } from './project.ts';
import { Answer, type Call, listOf, notFound, rawRoute, route, type Served } from './route.ts';

/** A comment is sent when nothing was for that long, so that proxies keep the connection. */
const QUIET_MILLISECONDS = 15_000;

const CONSOLE = v.object({
  id: v.string(),
  name: v.string(),
  why: v.pipe(v.string(), v.description('which accelerator is used, and why')),
  isRunning: v.boolean(),
});
export type ConsoleAnswer = v.InferOutput<typeof CONSOLE>;

const NONE = 'there is no console with this identifier: its machine has ended';

const NAME = { machine: v.pipe(v.string(), v.description('a machine, an image or a layer that is built')) };

async function start({ body, signal }: Call<Record<never, never>, typeof NAME>, served: Served) {
  const workspace = served.open();
  const whole = await planAll(workspace, served, signal);
  if (!whole.ok) return whole;
  const { project, planned } = whole.value;
  // Only what the project has: another word could be the path of any file of this machine.
  const names = [
    ...project.machines.map(({ machine }) => machine.name),
    ...planned.images.keys(),
    ...planned.plan.map(({ node }) => node.name),
  ];
  if (!names.includes(body.machine)) return notFound(`no machine, image or layer named "${body.machine}"`);
  return await served.consoles.start(body.machine, workspace);
}

/** Server-sent events: the bytes in Base64, since they need not be UTF-8; the identifier is their number so far. */
async function* stream(running: Running, from: number, signal: AbortSignal): AsyncGenerator<string> {
  let sentAt = performance.now();
  for await (const piece of running.output(from, signal)) {
    if (piece) yield `id: ${piece.end}\ndata: ${piece.bytes.toString('base64')}\n\n`;
    else if (performance.now() - sentAt < QUIET_MILLISECONDS) continue;
    else yield ':\n\n';
    sentAt = performance.now();
  }
  yield 'event: end\ndata: {}\n\n';
}

async function output(
  { params, header, signal }: Call,
  { consoles }: Served,
): Promise<Result<never> | Answer> {
  const running = consoles.find(params['console'] ?? '');
  if (!running) return notFound(NONE);
  const last = header('last-event-id') ?? '0';
  const from = /^\d{1,15}$/.test(last) ? Number(last) : 0;
  const headers = { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' };
  return new Answer({ status: 200, headers, body: stream(running, from, signal) });
}

export const CONSOLE_ROUTES = [
  route({
    method: 'get',
    path: '/api/consoles',
    summary: 'the machines that are tried',
    answer: listOf(CONSOLE),
    run: async (_call, { consoles }) => ok(consoles.list()),
  }),
  route({
    method: 'post',
    path: '/api/consoles',
    summary: 'try a machine: boot it, as vlb test-boot does; its disks are not changed',
    writes: true,
    body: NAME,
    answer: CONSOLE,
    run: start,
  }),
  rawRoute({
    method: 'get',
    path: '/api/consoles/{console}/output',
    summary: 'what the machine writes to its serial console',
    answer: { media: 'text/event-stream', text: 'its bytes in Base64; the last MiB of them is kept' },
    run: output,
  }),
  route({
    method: 'post',
    path: '/api/consoles/{console}/input',
    summary: 'type into the serial console',
    writes: true,
    body: { text: v.pipe(v.string(), v.maxLength(4096)) },
    answer: CONSOLE,
    async run({ params, body }, { consoles }) {
      const running = consoles.find(params['console'] ?? '');
      if (!running) return notFound(NONE);
      running.type(body.text);
      return ok(running.about);
    },
  }),
  route({
    method: 'delete',
    path: '/api/consoles/{console}',
    summary: 'end a machine',
    writes: true,
    answer: CONSOLE,
    async run({ params }, { consoles }) {
      const running = consoles.find(params['console'] ?? '');
      if (!running) return notFound(NONE);
      await running.end();
      return ok(running.about);
    },
  }),
];
