// A trace as a file of JSON lines. Each is written at once, so that a crash or a kill loses none.

import diagnostics from 'node:diagnostics_channel';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { ClientRequest, IncomingMessage } from 'node:http';
import os from 'node:os';
import { currentTrace, milliseconds, type Trace, type TraceFields, traceAction, withTrace } from './trace.ts';

/** The version of the lines. */
const VERSION = 1;

/**
 * Runs `work` and traces it to a file, which is replaced; only its owner can read it. Throws node's fs errors when the file
 * cannot be opened. When it cannot be written later, the trace ends there.
 * @param about put into the first line
 */
export async function traceToFile<T>(file: string, about: TraceFields, work: () => Promise<T>): Promise<T> {
  let descriptor: number | undefined = openSync(file, 'w', 0o600);
  const startedAt = performance.now();
  const trace: Trace = {
    note(event, fields) {
      if (descriptor === undefined) return;
      const line = { ms: milliseconds(performance.now() - startedAt), event, ...fields };
      try {
        writeSync(descriptor, `${JSON.stringify(line)}\n`);
      } catch {
        descriptor = undefined;
      }
    },
  };
  const { platform, arch, versions } = process;
  const system = { node: versions.node, platform, arch, kernel: os.release(), uid: process.getuid?.() };
  trace.note('trace', { version: VERSION, at: new Date().toISOString(), ...system, ...about });
  followHttp();
  const result = await withTrace(trace, work);
  if (descriptor !== undefined) closeSync(descriptor);
  return result;
}

let followsHttp = false;

/** Traces the HTTP requests of this process, whichever library sends them, in the trace of the code that sends them. */
function followHttp(): void {
  if (followsHttp) return;
  followsHttp = true;
  const running = new WeakMap<ClientRequest, (end: TraceFields) => void>();
  const end = (request: ClientRequest, fields: TraceFields) => {
    running.get(request)?.(fields);
    running.delete(request);
  };
  // node's documentation of these channels gives the types of their messages; its type declarations do not.
  subscribe('http.client.request.created', ({ request }) => {
    if (!currentTrace()) return;
    const { method, protocol, path } = request;
    const host = String(request.getHeader('host') ?? request.host); // with its port
    running.set(request, traceAction('http', { method, url: urlOf({ protocol, host, path }) }));
  });
  subscribe('http.client.response.finish', ({ request, response }) =>
    end(request, { status: response?.statusCode }),
  );
  subscribe('http.client.request.error', ({ request, error }) => end(request, { error: error?.message }));
}

interface HttpMessage {
  readonly request: ClientRequest;
  readonly response?: IncomingMessage;
  readonly error?: Error;
}

function subscribe(channel: string, onMessage: (message: HttpMessage) => void): void {
  diagnostics.subscribe(channel, (message) => onMessage(message as HttpMessage));
}

/** The address of a request without anything secret: no password, and of the query the names alone. */
export function urlOf({ protocol, host, path }: Pick<ClientRequest, 'protocol' | 'host' | 'path'>): string {
  const absolute = /^[a-z]+:\/\//.test(path) ? path : `${protocol}//${host}${path}`;
  const [address = '', query] = absolute.replace(/\/\/[^/@]*@/, '//').split('?', 2);
  return query === undefined ? address : `${address}?${query.replaceAll(/=[^&]*/g, '')}`;
}
