// From a request to its answer: who may, the route, what is sent to it, and the headers of everything that is answered.

import type { Context } from 'hono';
import * as v from 'valibot';
import { type Failure, fail } from '../model/failure.ts';
import { isObject } from '../util/json.ts';
import { type Caller, type Door, type Purpose, refusalOf } from './access/who-may.ts';
import { type Assets, assetResponse } from './assets.ts';
import { FAILURE } from './jobs/job.ts';
import { Answer, type Raw, type Route, type Served, statusOf } from './routes/route.ts';
import { cookieName } from './routes/session.ts';
import { routesFor } from './routes/table.ts';

/** Bytes of a body. */
const MOST_BODY = 64 * 1024;

/** For browsers: only what this server sends is loaded or run, nothing is put into frames, nothing is guessed. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    // A terminal sets the sizes of its cells by style elements.
    "style-src 'self' 'unsafe-inline'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

type Http = typeof import('./http.ts');

/** The function that answers requests. */
export function createApp(
  { Hono, bodyLimit, getCookie }: Http,
  door: Door,
  served: Served,
  assets: Assets,
): (request: Request) => Response | Promise<Response> {
  const app = new Hono({ strict: true });
  const routes = routesFor(door);
  const admit = (c: Context, purpose: Purpose) =>
    refusalOf(
      callerOf(c, door, (name) => getCookie(c, name)),
      door,
      purpose,
    );
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS)) c.res.headers.set(name, value);
    if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store');
  });
  // Before a body is read.
  app.use(
    bodyLimit({ maxSize: MOST_BODY, onError: () => refused(413, `a body has at most ${MOST_BODY} bytes`) }),
  );
  for (const route of routes) {
    app.on(route.method.toUpperCase(), honoPath(route.path), async (c) => {
      const refusal = admit(c, {
        writes: route.writes === true,
        open: route.open === true,
        body: route.body !== undefined,
      });
      return refusal
        ? refused(refusal.status, refusal.message, refusal.hint)
        : await answer(c, route, door, served);
    });
  }
  app.get('/api/openapi.json', async (c) => {
    const refusal = admit(c, READING);
    if (refusal) return refused(refusal.status, refusal.message, refusal.hint);
    const { openApi } = await import('./openapi.ts');
    return c.json(openApi(routes, FAILURE, v.strictObject));
  });
  for (const [path, asset] of assets) {
    app.get(path, (c) => {
      const refusal = admit(c, { ...READING, open: true });
      // A link of another site may lead to the page, which shows nothing without a session.
      return refusal?.status === 421
        ? refused(refusal.status, refusal.message)
        : assetResponse(asset, c.req.raw);
    });
  }
  app.notFound((c) => {
    const refusal = admit(c, READING);
    return refusal
      ? refused(refusal.status, refusal.message, refusal.hint)
      : refused(404, 'there is no such address');
  });
  app.onError((error) => {
    const { failure } = fail('host', `internal error: ${String(error)}`, {
      hint: 'report it as a defect of vlb',
    });
    return failed(500, failure);
  });
  return (request) => app.fetch(request);
}

const READING: Purpose = { writes: false, open: false, body: false };

/** `{layer}` as `:layer`, and `{file...}` as `:file{.+}`. */
function honoPath(path: string): string {
  return path.replace(/\{(\w+)\.\.\.\}/g, ':$1{.+}').replace(/\{(\w+)\}/g, ':$1');
}

function callerOf(
  c: Context,
  { trustHeader, ...door }: Door,
  cookie: (name: string) => string | undefined,
): Caller {
  return {
    host: c.req.header('host'),
    origin: c.req.header('origin'),
    site: c.req.header('sec-fetch-site'),
    authorization: c.req.header('authorization'),
    cookie: cookie(cookieName(door)),
    contentType: c.req.header('content-type'),
    user: trustHeader === undefined ? undefined : c.req.header(trustHeader),
  };
}

async function answer(c: Context, route: Route, { trustHeader }: Door, served: Served): Promise<Response> {
  const body: unknown = route.body ? await c.req.json().catch(() => undefined) : {};
  if (!isObject(body)) return refused(400, 'body: not a JSON object');
  const sent = [
    ['query', v.safeParse(v.strictObject(route.query ?? {}), c.req.query())],
    ['body', v.safeParse(v.strictObject(route.body ?? {}), body)],
  ] as const;
  for (const [where, parsed] of sent) {
    if (!parsed.success) return refused(400, `${where}: ${issueText(parsed.issues)}`);
  }
  const [[, query], [, content]] = sent;
  const done = await route.run(
    {
      params: c.req.param(),
      query: query.output,
      body: content.output,
      header: (name) => c.req.header(name),
      user: trustHeader === undefined ? undefined : c.req.header(trustHeader),
      signal: c.req.raw.signal,
    },
    served,
  );
  if (done instanceof Answer) return response(done.raw);
  return done.ok ? c.json(done.value, route.status ?? 200) : failed(statusOf(done.failure), done.failure);
}

/** `targets.0: Expected string` */
function issueText([issue]: readonly v.BaseIssue<unknown>[]): string {
  const path = issue?.path?.map(({ key }) => String(key)).join('.');
  return [...(path ? [path] : []), issue?.message ?? 'not valid'].join(': ');
}

function response({ status, headers, body }: Raw): Response {
  const content = body instanceof Uint8Array ? new Uint8Array(body) : ReadableStream.from(encoded(body));
  return new Response(content, { status, headers });
}

async function* encoded(pieces: AsyncIterable<Uint8Array | string>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
}

function refused(status: number, message: string, hint?: string): Response {
  return failed(status, fail('usage', message, hint === undefined ? {} : { hint }).failure);
}

function failed(status: number, failure: Failure): Response {
  const headers = { 'content-type': 'application/json' };
  return new Response(JSON.stringify({ failure }), { status, headers });
}
