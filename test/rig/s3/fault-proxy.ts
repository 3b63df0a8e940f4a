// A proxy before an S3 server that spoils what it is told to. Signatures hold through it: they cover the name by which the
// client calls it, which is passed on.

import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

export const FAULTS = [
  'truncated',
  'flipped',
  'slow',
  'reset before',
  'reset after',
  403,
  404,
  409,
  412,
  500,
  503,
] as const;

/**
 * Half of the answer; one bit of what comes, or goes; a byte at a time; an end of the connection before or after the server
 * has done it; an answer that the server never gave; and none at all, which takes too long to be tried with every request.
 */
export type Fault = (typeof FAULTS)[number] | 'no answer';

const CODES: Readonly<Record<number, string>> = {
  403: 'AccessDenied',
  404: 'NoSuchKey',
  409: 'ConditionalRequestConflict',
  412: 'PreconditionFailed',
  500: 'InternalError',
  503: 'SlowDown',
};

export class FaultProxy implements AsyncDisposable {
  readonly endpoint: string;
  /** `GET /bucket/name`, in the order in which they came. */
  readonly requests: string[] = [];
  readonly #server: Server;

  private constructor(endpoint: string, server: Server) {
    this.endpoint = endpoint;
    this.#server = server;
  }

  /**
   * @param target the server's address
   * @param faultAt what happens to a request, by its number from 0; undefined for nothing
   */
  static async start(
    target: string,
    faultAt: (number: number, name: string) => Fault | undefined,
  ): Promise<FaultProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
    const proxy = new FaultProxy(`http://127.0.0.1:${address.port}`, server);
    server.on('request', (incoming, outgoing) => {
      const name = `${incoming.method} ${incoming.url}`;
      const fault = faultAt(proxy.requests.push(name) - 1, name);
      pass(target, incoming, outgoing, fault).catch(() => incoming.socket.destroy()); // as a proxy does
    });
    return proxy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function pass(
  target: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: Fault | undefined,
): Promise<void> {
  if (fault === 'reset before') return void incoming.socket.destroy();
  if (fault === 'no answer') return void incoming.resume();
  const sent: Buffer = Buffer.concat(await incoming.toArray());
  if (typeof fault === 'number') {
    const body = incoming.method === 'HEAD' ? '' : `<Error><Code>${CODES[fault]}</Code></Error>`;
    outgoing.writeHead(fault, { 'content-type': 'application/xml' });
    return void outgoing.end(body);
  }
  const spoilsRequest = fault === 'flipped' && sent.length > 0;
  const got = await forward(target, incoming, spoilsRequest ? flip(sent) : sent);
  const body: Buffer = Buffer.concat(await got.toArray());
  if (fault === 'reset after') return void incoming.socket.destroy();
  outgoing.writeHead(got.statusCode ?? 502, got.headers);
  if (fault === 'truncated') {
    outgoing.flushHeaders();
    outgoing.write(body.subarray(0, body.length >> 1));
    await delay(20); // what was written is on its way
    return void incoming.socket.destroy();
  }
  if (fault === 'slow') {
    for (const byte of body) {
      if (outgoing.destroyed) return;
      outgoing.write(Buffer.of(byte));
      await delay(40);
    }
    return void outgoing.end();
  }
  outgoing.end(fault === 'flipped' && !spoilsRequest && body.length > 0 ? flip(body) : body);
}

function forward(target: string, { method, url, headers }: IncomingMessage, body: Buffer) {
  return new Promise<IncomingMessage>((resolve, reject) => {
    const forwarded = request(new URL(url ?? '/', target), {
      ...(method === undefined ? {} : { method }),
      headers,
    });
    forwarded.on('response', resolve);
    forwarded.on('error', reject);
    forwarded.end(body);
  });
}

function flip(bytes: Buffer): Buffer {
  const flipped = Buffer.from(bytes);
  const at = flipped.length >> 1;
  flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at);
  return flipped;
}
