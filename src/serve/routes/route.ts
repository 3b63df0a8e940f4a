// A route of the API, as data: from it come the handler, the checks of what is sent, whether it needs a session or is refused
// with --read-only, and its entry in the OpenAPI document.

import * as v from 'valibot';
import { type Failure, fail, type Result } from '../../model/failure.ts';
import type { SharedAccess } from '../../model/ports/shared-cache.ts';
import type { Workspace } from '../../workspace/workspace.ts';
import type { Consoles } from '../consoles.ts';
import type { Queue } from '../jobs/queue.ts';

/** What routes work on. */
export interface Served {
  /** A workspace on the project, with a name of its own: requests and jobs share none. */
  open(): Workspace;
  readonly queue: Queue;
  readonly consoles: Consoles;
  readonly remote: SharedAccess;
  readonly readOnly: boolean;
  /** Absolute path of the profiles that come with vlb. */
  readonly profiles: string;
  /** Called with files that were written to the project, relative to it. */
  readonly onCreated: (names: readonly string[]) => void;
}

type Entries = v.ObjectEntries;
type NoEntries = Record<never, never>;
type Values<E extends Entries> = v.InferOutput<v.StrictObjectSchema<E, undefined>>;

export interface Call<Q extends Entries = Entries, B extends Entries = Entries> {
  /** By the names in the path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Values<Q>;
  readonly body: Values<B>;
  /** Lower-case names. */
  readonly header: (name: string) => string | undefined;
  /** Who the trusted header names. */
  readonly user: string | undefined;
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal;
}

/** An answer that is not JSON: its bytes, or pieces as they come. */
export interface Raw {
  readonly status: 200 | 206 | 401 | 416;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | AsyncIterable<Uint8Array | string>;
}

export class Answer {
  readonly raw: Raw;

  constructor(raw: Raw) {
    this.raw = raw;
  }
}

interface About<Q extends Entries, B extends Entries> {
  readonly method: 'get' | 'post' | 'delete';
  /** `/api/layers/{layer}`, as OpenAPI has it. A last `{name}` in three dots takes slashes too: `{file...}`. */
  readonly path: string;
  readonly summary: string;
  /** Whether it changes anything. */
  readonly writes?: true;
  /** Whether it needs no session. */
  readonly open?: true;
  readonly query?: Q;
  readonly body?: B;
  /** The schema of the answer; or for one that is not JSON its media type and what it is. */
  readonly answer: v.GenericSchema | { readonly media: string; readonly text: string };
  readonly status?: 202;
}

export interface Route extends About<Entries, Entries> {
  run(call: AnyCall, served: Served): Promise<Result<unknown> | Answer>;
}

/** A call whose query and body are what the schemas of its route made of them. */
export type AnyCall = Omit<Call, 'query' | 'body'> & { readonly query: unknown; readonly body: unknown };

/** A route that answers with JSON of its schema. */
export function route<
  A extends v.GenericSchema,
  Q extends Entries = NoEntries,
  B extends Entries = NoEntries,
>(
  about: About<Q, B> & {
    readonly answer: A;
    run(call: Call<Q, B>, served: Served): Promise<Result<v.InferOutput<A>>>;
  },
): Route {
  return about as unknown as Route; // its query and body were checked by the schemas that their types are made from
}

/** A route that answers with anything else. */
export function rawRoute<Q extends Entries = NoEntries, B extends Entries = NoEntries>(
  about: About<Q, B> & {
    readonly answer: { readonly media: string; readonly text: string };
    run(call: Call<Q, B>, served: Served): Promise<Result<never> | Answer>;
  },
): Route {
  return about as unknown as Route; // as above
}

/** A list in an answer. */
export function listOf<S extends v.GenericSchema>(schema: S) {
  return v.pipe(v.array(schema), v.readonly());
}

/** The failure of a request for something that is not there. */
export function notFound(what: string): { readonly ok: false; readonly failure: Failure } {
  const { failure } = fail('usage', what);
  MISSING.add(failure);
  return { ok: false, failure };
}

const MISSING = new WeakSet<Failure>();

/** The status of an answer that is a failure. */
export function statusOf(failure: Failure): 400 | 404 | 500 | 503 {
  if (MISSING.has(failure)) return 404;
  return ({ usage: 400, work: 500, host: 503, interrupted: 503 } as const)[failure.kind];
}
